/**
 * The environment for a server that keeps what it holds small: V8 collects young objects in 8 MB instead of 32 MB and old ones
 * within 512 MB, and glibc keeps two arenas instead of eight a core and gives large pieces back at once. (It would else learn
 * from each large piece that is freed to keep the next ones.) Whatever the given environment says goes before.
 */
export const smallMemory = (environment) => ({
  ...environment,
  MALLOC_ARENA_MAX: environment.MALLOC_ARENA_MAX ?? "2",
  MALLOC_MMAP_THRESHOLD_: environment.MALLOC_MMAP_THRESHOLD_ ?? "131072",
  MALLOC_TRIM_THRESHOLD_: environment.MALLOC_TRIM_THRESHOLD_ ?? "131072",
  NODE_OPTIONS: ["--max-semi-space-size=8 --max-old-space-size=512", environment.NODE_OPTIONS ?? ""].join(" ").trim()
})
