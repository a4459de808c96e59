import { Schema, SchemaTransformation } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { formatNetwork, parseNetwork } from "../kernel/IpNetwork.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"

export const BlockId = Uuid7.pipe(Schema.brand("BlockId"), Schema.annotate({ identifier: "BlockId" }))
export type BlockId = typeof BlockId.Type

export const BlockKind = Schema.Literals(["network", "device"]).annotate({ identifier: "BlockKind" })
export type BlockKind = typeof BlockKind.Type

/** The widest networks that can be blocked: a wider one is a slip of the pen that would shut out a continent. */
const widest = { 32: 8, 128: 16 }

const isNarrow = Schema.makeFilter((text: string) => {
  const network = parseNetwork(text)
  if (network === undefined) return "must be an address or a network such as 203.0.113.0/24"
  return network.prefix >= widest[network.width] || `must be no wider than /${widest[network.width]}`
})

/** An address, or a network in CIDR form; kept in one way of writing it. */
export const NetworkText = Schema.String.check(Schema.isMaxLength(64), isNarrow).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (text) => {
        const network = parseNetwork(text)
        return network === undefined ? text : formatNetwork(network)
      },
      encode: (text) => text
    })
  )
)

/** The client's own name for a device: `deviceId` of a login, and the header `X-Device-Id`. */
export const DeviceName = PlainText(128).check(Schema.isMinLength(1))

/** Somebody who is kept out by where they come from. `subject` is a network in CIDR form, or the name of a device. */
export const Block = Schema.Struct({
  id: BlockId,
  kind: BlockKind,
  subject: Schema.String,
  reason: Schema.String,
  author: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  /** Null: until it is removed. */
  expiresAt: Schema.NullOr(Schema.Date),
  removedAt: Schema.NullOr(Schema.Date),
  removedBy: Schema.NullOr(Schema.String),
  removalReason: Schema.NullOr(Schema.String),
  removalTraceId: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Block" })
export type Block = typeof Block.Type
export const BlockPage = Page(Block)

const Why = NonBlankText(500)
const common = { reason: Why, expiresAt: Schema.optionalKey(Schema.NullOr(Schema.Date)) }

export const NewBlock = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("network"), subject: NetworkText, ...common }),
  Schema.Struct({ kind: Schema.Literal("device"), subject: DeviceName, ...common })
]).annotate({ identifier: "NewBlock" })
export type NewBlock = typeof NewBlock.Type

export const BlockRemoval = Schema.Struct({ reason: Why }).annotate({ identifier: "BlockRemoval" })

/** There is no such block, or it was removed. */
export class BlockNotFound extends Problem<BlockNotFound>()("BlockNotFound", {
  status: 404,
  title: "There is no such block",
  fields: { blockId: BlockId }
}) {}

export class AlreadyBlocked extends Problem<AlreadyBlocked>()("AlreadyBlocked", {
  status: 409,
  title: "This is blocked already",
  fields: { blockId: BlockId }
}) {}

/** The network holds the address that the request came from: whoever blocks it could not take it back. */
export class OwnAddressBlocked extends Problem<OwnAddressBlocked>()("OwnAddressBlocked", {
  status: 409,
  title: "Your own address is in this network",
  fields: { network: Schema.String },
  detail: ({ network }) => `You would shut yourself out by ${network}`
}) {}

/** A block that would end before it begins. */
export class BlockExpired extends Problem<BlockExpired>()("BlockExpired", {
  status: 422,
  title: "The block would end before it begins"
}) {}

/** Every process keeps all blocks in memory, so that there is a bound. */
export class BlockListFull extends Problem<BlockListFull>()("BlockListFull", {
  status: 409,
  title: "The block list is full",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} blocks are kept; remove some, or block a wider network`
}) {}
