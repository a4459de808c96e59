import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Authorization } from "./Authorization.ts"
import {
  AlreadyBlocked,
  Block,
  BlockExpired,
  BlockId,
  BlockKind,
  BlockListFull,
  BlockNotFound,
  BlockPage,
  BlockRemoval,
  NewBlock,
  OwnAddressBlocked
} from "./Block.ts"
import { RequiredPermission } from "./Permission.ts"
import { Audited } from "../operations/Audit.ts"

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })

/** What may go wrong when somebody is blocked. */
export const blockErrors = [AlreadyBlocked, BlockExpired, BlockListFull, OwnAddressBlocked] as const

/** Networks and devices that are kept out. Users are banned instead. */
export class BlocksApiGroup extends HttpApiGroup.make("blocks")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        ...pageQuery,
        kind: Schema.optionalKey(BlockKind),
        state: Schema.optionalKey(Schema.Literals(["active", "all"]))
      },
      success: BlockPage,
      error: InvalidCursor
    }).annotateMerge(
      describe(
        "List blocks",
        "Newest first; those in force, or with `state=all` also those that ended, with who ended them."
      )
    ),
    HttpApiEndpoint.post("add", "/", {
      payload: NewBlock,
      success: Block.pipe(HttpApiSchema.status(201)),
      error: blockErrors
    })
      .annotate(Audited, "block.add")
      .middleware(Idempotent)
      .annotateMerge(
        describe(
          "Block a network or a device",
          "Its requests are refused on every server at once. Sessions of a blocked device end."
        )
      ),
    HttpApiEndpoint.post("remove", "/:id/remove", {
      params: { id: BlockId },
      payload: BlockRemoval,
      success: Block,
      error: BlockNotFound
    })
      .annotate(Audited, "block.remove")
      .middleware(Idempotent)
      .annotateMerge(describe("Remove a block", "It stays in the list of all, with who removed it and why."))
  )
  .prefix("/api/v1/blocks")
  .annotateEndpoints(RequiredPermission, "blocks:administer")
  .middleware(Authorization)
  .annotateMerge(describe("Blocks", "Networks and devices that are kept out")) {}
