import { Schema } from "effect"
import { Problem } from "./Problem.ts"

/** One part of a request that does not have the shape the endpoint declares. */
export const ShapeIssue = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
  message: Schema.String
})

/** The request does not have the declared shape. `errors` names each part by its path, the first segment being the slot. */
export class InvalidRequest extends Problem<InvalidRequest>()("InvalidRequest", {
  status: 400,
  title: "The request does not have the expected shape",
  fields: { errors: Schema.Array(ShapeIssue) }
}) {}

/** No token, or one that is malformed, expired or revoked. */
export class Unauthorized extends Problem<Unauthorized>()("Unauthorized", {
  status: 401,
  title: "Sign in first: a valid access token is needed"
}) {}

/** The caller is known and may not do this. `permission` is the one that is missing. */
export class Forbidden extends Problem<Forbidden>()("Forbidden", {
  status: 403,
  title: "You may not do this",
  fields: { permission: Schema.String },
  detail: ({ permission }) => `This needs the permission ${permission}`
}) {}

/** The caller's address or device is blocked. Why, until when and by whom is not told. */
export class CallerBlocked extends Problem<CallerBlocked>()("CallerBlocked", {
  status: 403,
  title: "Requests from here are not accepted"
}) {}

/** Nothing is served at this path. */
export class RouteNotFound extends Problem<RouteNotFound>()("RouteNotFound", {
  status: 404,
  title: "There is nothing at this address"
}) {}

/** No Rpc of this name is served, as where the caller's contract is newer than the server. */
export class UnknownRpc extends Problem<UnknownRpc>()("UnknownRpc", {
  status: 404,
  title: "There is no such call",
  fields: { rpc: Schema.String }
}) {}

/** The path exists, the method does not; `allow` lists the methods that do. */
export class MethodNotAllowed extends Problem<MethodNotAllowed>()("MethodNotAllowed", {
  status: 405,
  title: "This address does not take that method",
  fields: { allow: Schema.Array(Schema.String) }
}) {}

/** The body is larger than `limit` bytes. */
export class PayloadTooLarge extends Problem<PayloadTooLarge>()("PayloadTooLarge", {
  status: 413,
  title: "The request body is too large",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} bytes are accepted`
}) {}

/** The body is not of a media type the endpoint reads. */
export class UnsupportedMediaType extends Problem<UnsupportedMediaType>()("UnsupportedMediaType", {
  status: 415,
  title: "The request body has an unsupported media type",
  fields: { contentType: Schema.String }
}) {}

/** A rate limit is used up; try again after `retryAfterSeconds` (also in `Retry-After`). */
export class RateLimited extends Problem<RateLimited>()("RateLimited", {
  status: 429,
  title: "Too many requests",
  fields: { retryAfterSeconds: Schema.Int },
  detail: ({ retryAfterSeconds }) => `Try again in ${retryAfterSeconds} s`
}) {}

/** The server sheds load or drains; nothing was done. Try again after `retryAfterSeconds`. */
export class Overloaded extends Problem<Overloaded>()("Overloaded", {
  status: 503,
  title: "The server is busy",
  fields: { retryAfterSeconds: Schema.Int },
  detail: ({ retryAfterSeconds }) => `Nothing was done; try again in ${retryAfterSeconds} s`
}) {}

/** The only answer a defect ever produces. `traceId` finds the logged cause. */
export class InternalError extends Problem<InternalError>()("InternalError", {
  status: 500,
  title: "Something went wrong on our side",
  fields: { traceId: Schema.String },
  detail: ({ traceId }) => `Quote ${traceId} when you report it`
}) {}
