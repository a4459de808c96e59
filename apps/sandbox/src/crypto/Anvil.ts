import { Effect, Option, Result } from "effect"
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { SandboxUnavailable } from "../SandboxUnavailable.ts"

/** Where the packaged chain is; none on a platform it is not made for. */
export const anvilBinary = (platform: string, arch: string): Option.Option<string> =>
  Result.getSuccess(
    Result.try(() => {
      const wrapper = createRequire(import.meta.url).resolve("@foundry-rs/anvil/package.json")
      const cpu = arch === "x64" ? "amd64" : arch
      return createRequire(wrapper).resolve(`@foundry-rs/anvil-${platform}-${cpu}/bin/anvil`)
    })
  )

/** A chain of this machine's own, on a free port, for as long as the scope lives; answers with its address. */
export const startAnvil = Effect.fnUntraced(function* (binary: string, chainId: number) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(binary, ["--host", "127.0.0.1", "--port", "0", "--chain-id", `${chainId}`], {
        stdio: ["ignore", "pipe", "ignore"]
      })
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  return yield* Effect.callback<string, SandboxUnavailable>((resume) => {
    let told = ""
    child.once("error", (error) =>
      resume(Effect.fail(new SandboxUnavailable({ reason: `The chain cannot start: ${error.message}.` })))
    )
    child.once("exit", (code) =>
      resume(Effect.fail(new SandboxUnavailable({ reason: `The chain ended with ${code}.` })))
    )
    child.stdout.on("data", (chunk: Buffer) => {
      told = (told + chunk.toString()).slice(-4096)
      const listening = /Listening on (127\.0\.0\.1:\d+)/.exec(told)
      if (listening !== null) resume(Effect.succeed(`http://${listening[1]}`))
    })
  })
})
