import { Deferred, Duration, Effect, Option, Result } from "effect"
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

/** Ends the chain in order, so that it writes its state, when its standard input ends: also when whoever started it is killed. */
const guarded = '"$0" "$@" </dev/null & chain=$!; read -r _; kill -TERM $chain; wait $chain'

/** A chain that has not ended by then is killed. */
const patience = Duration.seconds(3)

/**
 * A chain of this machine's own, on a free port, for as long as the scope lives; answers with its address. Its state is kept in
 * `stateFile`, where there is one.
 */
export const startAnvil = Effect.fnUntraced(function* (binary: string, chainId: number, stateFile?: string) {
  const ended = yield* Deferred.make<void>()
  const state = stateFile === undefined ? [] : ["--state", stateFile, "--state-interval", "5"]
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const started = spawn(
        "sh",
        ["-c", guarded, binary, "--host", "127.0.0.1", "--port", "0", "--chain-id", `${chainId}`, ...state],
        { stdio: ["pipe", "pipe", "ignore"], detached: true }
      )
      started.once("exit", () => Deferred.doneUnsafe(ended, Effect.void))
      return started
    }),
    (running) =>
      Effect.gen(function* () {
        running.stdin.end()
        if (Option.isSome(yield* Effect.timeoutOption(Deferred.await(ended), patience))) return
        // the guard and the chain are a group of their own
        if (running.pid !== undefined) process.kill(-running.pid, "SIGKILL")
      })
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
