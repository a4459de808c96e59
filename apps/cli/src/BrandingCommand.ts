import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Branding, MerchantBranding } from "@mall/domain/payments/Branding"
import { Brandings } from "@mall/payments/cashier/Brandings"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Services = Brandings.layer.pipe(Layer.provideMerge(ReadyDatabase.layer))

const list = Command.make(
  "list",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const brandings = yield* Brandings
    const all = yield* brandings.list
    yield* print(
      all,
      { json, schema: Schema.Array(MerchantBranding) },
      table(
        {
          merchant: ({ merchantId }) => merchantId,
          name: ({ name }) => name,
          color: ({ color }) => color,
          logo: ({ logoUrl }) => logoUrl
        },
        all,
        "No merchant has a look of its own: CASHIER_NAME and CASHIER_COLOR are shown."
      )
    )
  })
).pipe(
  Command.withDescription("List the names, colours and logos of merchants' cashiers"),
  Command.withExamples([{ command: "mall branding list" }]),
  Command.provide(Services)
)

const set = Command.make(
  "set",
  {
    merchant: Argument.String("merchant").pipe(
      Argument.withSchema(MerchantId),
      Argument.withDescription("The id of the merchant")
    ),
    name: Flag.String("name").pipe(
      Flag.withSchema(Branding.fields.name),
      Flag.withDescription("What buyers know the merchant by")
    ),
    color: Flag.String("color").pipe(
      Flag.withSchema(Branding.fields.color),
      Flag.withDescription("Of buttons and headings, such as #1a56db")
    ),
    logo: Flag.String("logo").pipe(
      Flag.withSchema(Branding.fields.logoUrl.members[0]),
      Flag.withDescription("An https address of an image"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ color, json, logo, merchant, name }) {
    const brandings = yield* Brandings
    const by = `operator:${yield* operator}`
    const now = yield* brandings.put(merchant, { name, color, logoUrl: Option.getOrNull(logo) }, by)
    yield* print(now, { json, schema: MerchantBranding }, Console.log(`Buyers see ${now.name} from now on.`))
  })
).pipe(
  Command.withDescription("Say how a merchant's cashier looks"),
  Command.withExamples([
    { command: 'mall branding set 019b76da-a800-7329-892a-0bea696e779a --name "Tea & Co" --color "#0a7a4b"' }
  ]),
  Command.provide(Services)
)

export const BrandingCommand = Command.make("branding").pipe(Command.withSubcommands([list, set]))
