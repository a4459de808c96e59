import { fork } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"

/** A bare `node:http` server answering `body`, in a process of its own. */
export const startBare = (body: string): Promise<{ readonly url: string; readonly child: ChildProcess }> =>
  new Promise((resolve) => {
    const child = fork(path.join(import.meta.dirname, "bare.ts"), [body])
    child.once("message", (message: { readonly port: number }) =>
      resolve({ url: `http://127.0.0.1:${message.port}/`, child })
    )
  })

const ticksPerSecond = 100

/** CPU seconds used and resident megabytes of a process, as Linux counts them. */
export const usage = (pid: number) => {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8")
  const resident = /VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? "0"
  const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? "0"
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentMb: Number(resident) / 1024,
    peakMb: Number(peak) / 1024
  }
}
