import { isMainThread } from "node:worker_threads"

const parent = process.ppid

// Loaded into the program that bootstrap starts, and by inheritance into its workers and forks, which are left alone.
if (isMainThread && process.env.MALL_BOOTSTRAP_PID === String(parent)) {
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    // bootstrap was killed without a word; the program still gets to close what it holds
    process.kill(process.pid, "SIGTERM")
  }, 250)
  watch.unref()
}
