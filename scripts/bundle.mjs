// Plain JavaScript for whatever Node is on PATH (>= 18), as bootstrap.mjs, which calls it.
import { createHash } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

/** The program, and what it starts as threads of its own. */
const sources = ["apps/server/src/main.ts", "packages/identity/src/passwords/passwordStrengthWorker.ts"]

/** How many bundles are kept: a server that still runs may load a part of an older one. */
const kept = 3

const sourceFolders = (root) => [
  join(root, "migrations"),
  ...["apps", "packages"]
    .filter((kind) => existsSync(join(root, kind)))
    .flatMap((kind) => readdirSync(join(root, kind)).map((name) => join(root, kind, name, "src")))
]

const filesIn = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)]
      )
    : []

/** Which sources these are, without reading them: another place, name, size or time of one is another bundle. */
const fingerprint = (root) => {
  const hash = createHash("sha256").update(root)
  const rules = [join(root, "pnpm-lock.yaml"), fileURLToPath(import.meta.url)]
  for (const file of [...rules, ...sourceFolders(root).flatMap(filesIn)]) {
    const { mtimeMs, size } = statSync(file)
    hash.update(`\n${relative(root, file)} ${size} ${mtimeMs}`)
  }
  return hash.digest("hex").slice(0, 16)
}

/** Files beside a source are found from where it stands, not from where the bundle does; threads are in the bundle. */
const places = {
  name: "places",
  setup: (building) =>
    building.onLoad({ filter: /[\\/](?:apps|packages)[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      loader: "ts",
      contents: readFileSync(path, "utf8")
        .replace(/"\.\/(\w+Worker)\.ts", import\.meta\.url/, `"./$1.js", import.meta["url"]`)
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href))
        .replaceAll("import.meta.dirname", JSON.stringify(dirname(path)))
    }))
}

/** Packages that only work as the CommonJS they are: one assigns to a getter, which modules refuse; others hold machine code. */
const asTheyAre = /^(?:wechatpay-axios-plugin|@node-rs\/.*)$/

const outside = {
  name: "outside",
  setup: (building) =>
    building.onResolve({ filter: asTheyAre }, async ({ kind, path, pluginData, resolveDir }) => {
      if (pluginData === outside) return undefined
      const found = await building.resolve(path, { kind, resolveDir, pluginData: outside })
      return { path: pathToFileURL(found.path).href, external: true }
    })
}

/** CommonJS packages within the bundle ask for Node's own modules by `require`, which modules do not have. */
const banner = `import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);`

/**
 * V8 keeps the text of a program for as long as it runs, twice as large where one character of it is not Latin. esbuild escapes
 * them in all but patterns and tagged templates, where the same escapes mean the same.
 */
const escaped = (text) =>
  text.replace(/(?<!\\)[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

const build = async (root, outdir) => {
  const esbuild = await import("esbuild")
  const { outputFiles } = await esbuild.build({
    entryPoints: sources.map((source) => join(root, source)),
    entryNames: "[name]",
    absWorkingDir: root,
    outdir,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node24",
    write: false,
    banner: { js: banner },
    plugins: [places, outside],
    logLevel: "silent"
  })
  mkdirSync(outdir, { recursive: true })
  for (const { path, text } of outputFiles) writeFileSync(path, escaped(text))
}

const removeFormer = (cache) => {
  const bundles = readdirSync(cache)
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => ({ folder: join(cache, name), usedAt: statSync(join(cache, name)).mtimeMs }))
    .sort((one, other) => other.usedAt - one.usedAt)
  for (const { folder } of bundles.slice(kept)) rmSync(folder, { recursive: true, force: true })
}

/**
 * The server program as a few files, which Node loads in half the time and 100 MB less than its 2,500 sources. It is built where a
 * source has changed, and `onBuild` is called before. Answers with the file to run; rejects where it cannot be built.
 */
export const bundle = async (root, onBuild = () => undefined) => {
  const cache = join(root, "node_modules/.cache/server")
  const folder = join(cache, fingerprint(root))
  const main = join(folder, "main.js")
  if (existsSync(main)) {
    utimesSync(folder, new Date(), new Date())
    return main
  }
  onBuild()
  const building = `${folder}.${process.pid}`
  try {
    await build(root, building)
    renameSync(building, folder)
  } catch (error) {
    rmSync(building, { recursive: true, force: true })
    // of two first starts the other may have been quicker
    if (!existsSync(main)) throw error
  }
  removeFormer(cache)
  return main
}
