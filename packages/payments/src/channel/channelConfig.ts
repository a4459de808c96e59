import { Config, Effect, FileSystem, Option, Path, Schema } from "effect"

/** Our public address, without the slash at its end: where channels send notices and browsers come back to. */
export const publicUrl = Config.String("PUBLIC_URL").pipe(
  Config.orElse(() =>
    Config.Port("PORT").pipe(
      Config.withDefault(8080),
      Config.map((port) => `http://127.0.0.1:${port}`)
    )
  ),
  Config.map((url) => url.replace(/\/$/, ""))
)

/** Where the channel sends its notices. */
export const notifyUrl = (channel: string) => Config.map(publicUrl, (url) => `${url}/callbacks/${channel}`)

/** Where it sends those about a merchant's own account. */
export const ownNotifyUrl = (channel: string, merchantId: string) => notifyUrl(`${channel}/${merchantId}`)

/** One line in an environment file writes the line ends of a PEM as `\n`. */
export const unescapePem = (pem: string) => pem.replaceAll("\\n", "\n")

/** Where the sandbox of this machine stands in for the channel. */
export const sandboxUrl = (channel: string) =>
  Config.Port("SANDBOX_PORT").pipe(
    Config.withDefault(8090),
    Config.map((port) => `http://127.0.0.1:${port}/${channel}/`)
  )

/** The merchant that the sandbox made for this shop at its first start; none where there is no sandbox. */
export const sandboxMerchant = Effect.fnUntraced(function* <A, I>(channel: string, schema: Schema.Codec<A, I>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall"))
  const file = path.join(folder, "sandbox", channel, "merchant.json")
  if (!(yield* fs.exists(file))) return Option.none<A>()
  const text = yield* fs.readFileString(file)
  return Option.some(yield* Schema.decodeEffect(Schema.fromJsonString(schema))(text))
})
