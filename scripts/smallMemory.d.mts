export declare const smallMemory: (
  environment: Readonly<Record<string, string | undefined>>
) => Record<string, string | undefined>
