import { Block, BlockId, BlockKind, BlockPage, DeviceName, NetworkText } from "@mall/domain/identity/Block"
import type { NewBlock } from "@mall/domain/identity/Block"
import { generator } from "@mall/domain/kernel/Id"
import { Blocks } from "@mall/identity/blocks/Blocks"
import { Console, DateTime, Duration, Effect, Option, Runtime, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as IdentityServices from "./IdentityServices.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { json, print, printPage } from "./Output.ts"

const newBlockId = generator(BlockId)

/** Neither or both of what can be blocked was named. */
class WhatToBlock extends Schema.TaggedError<WhatToBlock>()("WhatToBlock", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return "Say what to block: either --network or --device"
  }
}

const blocker = Effect.map(operator, (name) => ({ author: `operator:${name}`, ip: undefined }))

const list = Command.make(
  "list",
  {
    ...page,
    kind: Flag.Literals("kind", BlockKind.literals).pipe(
      Flag.withDescription("Only networks, or devices"),
      Flag.optional
    ),
    all: Flag.Boolean("all").pipe(Flag.withDescription("Also those that ended"), Flag.withDefault(false)),
    json
  },
  Effect.fnUntraced(function* ({ after, all, json, kind, limit }) {
    const blocks = yield* Blocks
    const state = all ? ("all" as const) : ("active" as const)
    yield* printPage(yield* blocks.list({ limit, state, ...given({ after, kind }) }), {
      json,
      schema: BlockPage,
      columns: {
        id: ({ id }) => id,
        kind: ({ kind }) => kind,
        what: ({ subject }) => subject,
        since: ({ createdAt }) => createdAt,
        until: ({ expiresAt, removedAt }) => removedAt ?? expiresAt,
        author: ({ author }) => author,
        reason: ({ reason }) => reason
      },
      empty: "Nothing is blocked."
    })
  })
).pipe(
  Command.withDescription(
    "List the networks and devices that are kept out, newest first; users are banned: mall users list"
  ),
  Command.withExamples([{ command: "mall blocks list --kind network --all" }]),
  Command.provide(IdentityServices.layer)
)

const add = Command.make(
  "add",
  {
    network: Flag.String("network").pipe(
      Flag.withSchema(NetworkText),
      Flag.withDescription("An address, or a network such as 203.0.113.0/24 or 2001:db8::/32"),
      Flag.optional
    ),
    device: Flag.String("device").pipe(
      Flag.withSchema(DeviceName),
      Flag.withDescription("What a client calls its device; its sessions end"),
      Flag.optional
    ),
    during: Flag.String("for").pipe(
      Flag.withSchema(Schema.DurationFromString),
      Flag.withDescription("How long, such as `12 hours`; until it is removed when not given"),
      Flag.optional
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ device, during, json, network, reason }) {
    const blocks = yield* Blocks
    if (Option.isSome(network) === Option.isSome(device)) return yield* new WhatToBlock()
    const now = yield* DateTime.now
    const expiresAt = Option.match(during, {
      onNone: () => null,
      onSome: (length) => DateTime.toDateUtc(DateTime.add(now, { milliseconds: Duration.toMillis(length) }))
    })
    const what: NewBlock = Option.match(network, {
      onNone: () => ({ kind: "device", subject: Option.getOrElse(device, () => ""), reason, expiresAt }),
      onSome: (subject) => ({ kind: "network", subject, reason, expiresAt })
    })
    const added = yield* blocks.add(yield* newBlockId, what, yield* blocker)
    yield* print(
      added,
      { json, schema: Block },
      Console.log(`${added.subject} is kept out of every server: ${added.id}`)
    )
  })
).pipe(
  Command.withDescription("Keep a network or a device out, at once on every server"),
  Command.withExamples([
    { command: 'mall blocks add --network 203.0.113.0/24 --for "12 hours" --reason "tries stolen cards"' },
    { command: 'mall blocks add --device 7f3a --reason "reported stolen"' }
  ]),
  Command.provide(IdentityServices.layer)
)

const remove = Command.make(
  "remove",
  {
    id: Argument.String("id").pipe(
      Argument.withSchema(BlockId),
      Argument.withDescription("The id, as `mall blocks list` shows it")
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ id, json, reason }) {
    const blocks = yield* Blocks
    const removed = yield* blocks.remove(id, reason, yield* blocker)
    yield* print(removed, { json, schema: Block }, Console.log(`${removed.subject} is let in again.`))
  })
).pipe(
  Command.withDescription("Let a blocked network or device in again"),
  Command.withExamples([
    { command: 'mall blocks remove 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --reason "was a school"' }
  ]),
  Command.provide(IdentityServices.layer)
)

export const BlocksCommand = Command.make("blocks").pipe(Command.withSubcommands([list, add, remove]))
