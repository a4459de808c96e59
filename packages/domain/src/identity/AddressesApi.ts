import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, Page, pageQuery } from "../kernel/Page.ts"
import { Address, AddressInput } from "./Address.ts"
import { AddressId, AddressNotFound } from "./AddressBook.ts"
import { Authorization } from "./Authorization.ts"
import { AddressLimitReached } from "./IdentityError.ts"
import { RequiredPermission } from "./Permission.ts"

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })

/** The signed-in user's address book. */
export class AddressesApiGroup extends HttpApiGroup.make("addresses")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: pageQuery,
      success: Page(Address),
      error: InvalidCursor
    }).annotateMerge(describe("List addresses", "Newest first.")),
    HttpApiEndpoint.post("create", "/", {
      payload: AddressInput,
      success: Address.pipe(HttpApiSchema.status(201)),
      error: AddressLimitReached
    })
      .middleware(Idempotent)
      .annotateMerge(describe("Add an address", "The first one is the default; a new default replaces the old.")),
    HttpApiEndpoint.get("get", "/:id", {
      params: { id: AddressId },
      success: Address,
      error: AddressNotFound
    }).annotateMerge(describe("Get an address", "One of the signed-in user's own.")),
    HttpApiEndpoint.put("replace", "/:id", {
      params: { id: AddressId },
      payload: AddressInput,
      success: Address,
      error: AddressNotFound
    }).annotateMerge(describe("Replace an address", "Orders placed before keep the address they were placed with.")),
    HttpApiEndpoint.delete("delete", "/:id", {
      params: { id: AddressId },
      success: HttpApiSchema.NoContent,
      error: AddressNotFound
    }).annotateMerge(describe("Delete an address", "The newest of the rest becomes the default if this one was."))
  )
  .prefix("/api/v1/users/me/addresses")
  .annotateEndpoints(RequiredPermission, "account")
  .middleware(Authorization)
  .annotateMerge(describe("Addresses", "The signed-in user's address book")) {}
