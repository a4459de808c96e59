import { Effect } from "effect"
import { Command } from "effect/cli"

/** A command whose name and input are its own affair; it may fail with anything. */
type Subcommand = Command.Command<string, unknown, object, unknown, Command.Environment>

/** A command of the first level: `outline` says that it exists, `load` brings it and the contexts it works with. */
interface Entry {
  readonly name: string
  readonly outline: Subcommand
  readonly load: Effect.Effect<Subcommand>
}

const entry = <const Name extends string, Input, ContextInput, E>(
  name: Name,
  description: string,
  load: () => Promise<Command.Command<Name, Input, ContextInput, E, Command.Environment>>
): Entry => ({
  name,
  // `Command` is invariant in its name and input, which nobody looks at here
  outline: Command.make(name).pipe(Command.withDescription(description)) as never,
  load: Effect.map(Effect.promise(load), (command) => Command.withDescription(command, description) as never)
})

export const commands: ReadonlyArray<Entry> = [
  entry(
    "migrate",
    "Bring the database to the newest version",
    async () => (await import("./MigrateCommand.ts")).MigrateCommand
  ),
  entry(
    "seed",
    "Fill an empty mall with the demo shop and its accounts",
    async () => (await import("./SeedCommand.ts")).SeedCommand
  ),
  entry(
    "users",
    "Look at accounts and their logins; ban them, end their sessions, give and take roles",
    async () => (await import("./UsersCommand.ts")).UsersCommand
  ),
  entry(
    "policy",
    "Say what roles may do: show, explain, test, apply and roll back the policy",
    async () => (await import("./PolicyCommand.ts")).PolicyCommand
  ),
  entry("blocks", "Keep networks and devices out", async () => (await import("./BlocksCommand.ts")).BlocksCommand),
  entry(
    "api-keys",
    "Look at, make, rotate and revoke the keys of merchants' servers",
    async () => (await import("./ApiKeysCommand.ts")).ApiKeysCommand
  ),
  entry(
    "services",
    "Look at, make and revoke the tokens with which our services call each other",
    async () => (await import("./ServicesCommand.ts")).ServicesCommand
  ),
  entry("products", "Import products", async () => (await import("./ProductsCommand.ts")).ProductsCommand),
  entry("orders", "Look at orders and cancel them", async () => (await import("./OrdersCommand.ts")).OrdersCommand),
  entry("returns", "Look at what buyers send back", async () => (await import("./ReturnsCommand.ts")).ReturnsCommand),
  entry(
    "payments",
    "Look at payments, ask their channels, refund them, replay callbacks",
    async () => (await import("./PaymentsCommand.ts")).PaymentsCommand
  ),
  entry(
    "disputes",
    "Look at payments that a bank wants back; answer or accept",
    async () => (await import("./DisputesCommand.ts")).DisputesCommand
  ),
  entry(
    "ledger",
    "Look at the books, prove that they are sound, put them right",
    async () => (await import("./LedgerCommand.ts")).LedgerCommand
  ),
  entry(
    "risk",
    "Say who may pay: rules, lists, and payments that wait for a person",
    async () => (await import("./RiskCommand.ts")).RiskCommand
  ),
  entry(
    "recon",
    "Compare the channels' bills with our records, and settle what differs",
    async () => (await import("./ReconCommand.ts")).ReconCommand
  ),
  entry(
    "fx",
    "Exchange currencies: rates, what the platform keeps, how far it goes, quotes and positions",
    async () => (await import("./FxCommand.ts")).FxCommand
  ),
  entry(
    "payouts",
    "Look at and verify merchants' bank accounts; ask the bank about pay-outs",
    async () => (await import("./PayoutsCommand.ts")).PayoutsCommand
  ),
  entry(
    "withdrawals",
    "Approve, reject and cancel money that goes to merchants' banks",
    async () => (await import("./WithdrawalsCommand.ts")).WithdrawalsCommand
  ),
  entry(
    "terms",
    "Say what merchants pay, and what their payments may be",
    async () => (await import("./TermsCommand.ts")).TermsCommand
  ),
  entry(
    "settlements",
    "Look at what merchants get and when; agree on it, begin it, try it again",
    async () => (await import("./SettlementsCommand.ts")).SettlementsCommand
  ),
  entry(
    "merchants",
    "Say who may sell: applications, their documents and reviews, and the standing of merchants",
    async () => (await import("./MerchantsCommand.ts")).MerchantsCommand
  ),
  entry(
    "crypto",
    "Gather what buyers paid in stablecoins, and look at what was gathered",
    async () => (await import("./CryptoCommand.ts")).CryptoCommand
  ),
  entry("routes", "Say to which channels payments go", async () => (await import("./RoutesCommand.ts")).RoutesCommand),
  entry(
    "credentials",
    "Look at and change the accounts that merchants have at the channels",
    async () => (await import("./CredentialsCommand.ts")).CredentialsCommand
  ),
  entry(
    "sweep",
    "Look at what is done on a schedule, and run it now",
    async () => (await import("./SweepCommand.ts")).SweepCommand
  ),
  entry(
    "queues",
    "Look at the queues; retry or drop dead messages",
    async () => (await import("./QueuesCommand.ts")).QueuesCommand
  ),
  entry(
    "branding",
    "Say how merchants' cashiers look",
    async () => (await import("./BrandingCommand.ts")).BrandingCommand
  ),
  entry(
    "alerts",
    "Look at security alerts and take care of them",
    async () => (await import("./AlertsCommand.ts")).AlertsCommand
  ),
  entry(
    "audit",
    "Show what staff did, and whether that record is whole",
    async () => (await import("./AuditCommand.ts")).AuditCommand
  ),
  entry(
    "doctor",
    "Make sure of what is always true: the books, payments, orders, stock; explain what is not",
    async () => (await import("./DoctorCommand.ts")).DoctorCommand
  ),
  entry(
    "keys",
    "Look at and rotate the keys of access tokens",
    async () => (await import("./KeysCommand.ts")).KeysCommand
  ),
  entry(
    "privacy",
    "Say how personal data is sealed, and bring it under a new key",
    async () => (await import("./PrivacyCommand.ts")).PrivacyCommand
  ),
  entry(
    "expiry",
    "Say how long orders wait for their payment",
    async () => (await import("./ExpiryCommand.ts")).ExpiryCommand
  )
]
