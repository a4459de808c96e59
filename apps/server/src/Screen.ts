import { Console, Duration, Effect } from "effect"
import { demoAccounts, demoPassword } from "./Seed.ts"

/** A step of the start, told when it begins and with its time when it is done. */
export const step = (what: string) => {
  return <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const [duration, result] = yield* Effect.timed(effect)
      yield* Console.log(`  ✓ ${what} ${Duration.toSeconds(duration).toFixed(1)} s`)
      return result
    })
}

export interface Serving {
  readonly api: string | undefined
  readonly sandbox: string | undefined
  readonly isWorker: boolean
  readonly database: string
  readonly isDemo: boolean
  /** Where the pay platform is, unless this process runs both products. */
  readonly payments: string | undefined
}

const journey = (api: string, sandbox: string) => `
Buy something (copy and paste):

  API=${api}
  TOKEN=$(curl -s $API/api/v1/auth/login -H 'content-type: application/json' \\
    -d '{"email":"${demoAccounts.buyer.email}","password":"${demoPassword}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')
  AUTH="authorization: Bearer $TOKEN"
  first() { sed "s/^[^[]*\\[{\\"id\\":\\"\\([^\\"]*\\)\\".*/\\1/"; }
  ADDRESS=$(curl -s $API/api/v1/users/me/addresses -H "$AUTH" | first)
  PRODUCT=$(curl -s "$API/api/v1/products?limit=1" | first)
  SKU=$(curl -s $API/api/v1/products/$PRODUCT | sed 's/.*"skus":\\[{"id":"\\([^"]*\\)".*/\\1/')
  curl -s $API/api/v1/cart/items -H "$AUTH" -H 'content-type: application/json' -d "{\\"skuId\\":\\"$SKU\\",\\"quantity\\":1}"; echo
  PAYMENT=$(curl -s $API/api/v1/checkout -H "$AUTH" -H 'content-type: application/json' -H 'idempotency-key: '$RANDOM \\
    -d "{\\"cart\\":true,\\"addressId\\":\\"$ADDRESS\\"}" | sed 's/.*"payment":{"id":"\\([^"]*\\)".*/\\1/')
  NUMBER=$(curl -s $API/api/v1/payments/$PAYMENT/confirm -H "$AUTH" -H 'content-type: application/json' \\
    -d '{"channel":"wechatpay"}' | sed 's/.*"attempt":{"id":"\\([^"]*\\)".*/\\1/' | tr -d -)
  # open ${sandbox}/ and press "pay", or let the shell do it:
  curl -s -X POST ${sandbox}/control/wechatpay/orders/$NUMBER/pay; echo; sleep 1
  curl -s $API/api/v1/orders?limit=1 -H "$AUTH"; echo
`

/** What a newcomer sees once everything is up. */
export const render = ({ api, database, isDemo, isWorker, payments, sandbox }: Serving) => {
  const line = (name: string, value: string) => `  ${name.padEnd(14)}${value}`
  return [
    "",
    "Mall is ready.",
    "",
    ...(api === undefined
      ? []
      : [
          line("API", `${api}/api/v1`),
          line("Docs", `${api}/docs`),
          line("RPC", `${api}/rpc`),
          line("Metrics", `${api}/metrics`),
          line("Health", `${api}/readyz`)
        ]),
    ...(sandbox === undefined ? [] : [line("Pay page", `${sandbox}/`), line("Mails", `${sandbox}/mails`)]),
    line("Worker", isWorker ? "sweeps and messages run in this process" : "not in this process"),
    line("Database", database),
    ...(payments === undefined ? [] : [line("Payments", payments)]),
    ...(isDemo
      ? [
          "",
          "Demo accounts, all with the password " + demoPassword,
          ...Object.entries(demoAccounts).map(([who, { email }]) => line(who, email))
        ]
      : []),
    ...(isDemo && api !== undefined && sandbox !== undefined && payments === undefined
      ? [journey(api, sandbox)]
      : [""]),
    "Ctrl-C ends everything."
  ].join("\n")
}
