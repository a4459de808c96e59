export declare const bundle: (root: string, onBuild?: () => void) => Promise<string>
