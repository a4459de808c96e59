/**
 * The environment for a server that keeps what it holds small: V8 collects young objects in 8 MB instead of 32 MB and old ones
 * within 512 MB, and glibc keeps two arenas instead of eight a core. Whatever the given environment says goes before.
 */
export const smallMemory = (environment) => ({
  ...environment,
  MALLOC_ARENA_MAX: environment.MALLOC_ARENA_MAX ?? "2",
  NODE_OPTIONS: ["--max-semi-space-size=8 --max-old-space-size=512", environment.NODE_OPTIONS ?? ""].join(" ").trim()
})
