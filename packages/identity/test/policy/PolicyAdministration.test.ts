import { assert, layer } from "@effect/vitest"
import { permissionsOf } from "@mall/domain/identity/Permission"
import type { Role } from "@mall/domain/identity/Permission"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import type { PolicyDocument, PolicyRule } from "@mall/domain/identity/Policy"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { IdentityLayer } from "../../src/Identity.ts"
import { Policies } from "../../src/policy/Policies.ts"
import { PolicyAdministration } from "../../src/policy/PolicyAdministration.ts"
import { ShopStaff } from "../../src/users/ShopStaff.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { login, newUserId, principalOf, registerUser, withConfiguration } from "../fixture.ts"

const newChangeId = generator(PolicyChangeId)
const newMerchantId = generator(MerchantId)
const act = { actorId: null, reason: "test" }
const olga = { operator: "olga" }

const rule = (effect: PolicyRule["effect"], resource: string, action: string): PolicyRule => ({
  effect,
  kind: "glob",
  resource,
  action
})
const role = (name: Role, ...rules: ReadonlyArray<PolicyRule>) => ({ name, description: "", inherits: [], rules })
const documentOf = (...roles: PolicyDocument["roles"]): PolicyDocument => ({ roles })

const support = role("support", rule("allow", "orders", "*"), rule("allow", "users", "administer"))
const editor = role("catalog-editor", rule("allow", "catalog", "write"), rule("allow", "policy", "*"))
const manager = role("manager", rule("allow", "staff", "administer"), rule("allow", "catalog", "write"))
const author = role("policy-author", rule("allow", "policy", "administer"), rule("allow", "orders", "fulfil"))

/** Puts a document in the place of whatever counts. */
const put = Effect.fnUntraced(function* (
  document: PolicyDocument,
  by: Parameters<PolicyAdministration["Service"]["apply"]>[2] = olga
) {
  const policy = yield* PolicyAdministration
  const { version } = yield* policy.current
  return yield* policy.apply(yield* newChangeId, { version, document, reason: "test" }, by)
})

/** Somebody with these roles, for the mall or within the shop. */
const userWith = Effect.fnUntraced(function* (roles: ReadonlyArray<Role>, merchantId: MerchantId | null = null) {
  const users = yield* UserAdministration
  const user = yield* registerUser
  for (const each of roles) yield* users.grant(user.id, each, merchantId, act)
  return user
})

const may = Effect.fnUntraced(function* (user: Parameters<typeof login>[0]) {
  return yield* principalOf(yield* login(user))
})

layer(withConfiguration(IdentityLayer).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "PolicyAdministration",
  (it) => {
    it.effect("applies, keeps every version with who, when and why, and rolls back as a new version", () =>
      Effect.gen(function* () {
        const policy = yield* PolicyAdministration
        const first = yield* put(documentOf(support))
        assert.deepInclude(first, { author: "operator:olga", reason: "test", restores: null })
        yield* put(documentOf(support, editor))
        const { version } = yield* policy.current
        const back = yield* policy.rollback(
          yield* newChangeId,
          { version, to: first.version, reason: "too much" },
          olga
        )
        assert.deepInclude(back, { version: version + 1, restores: first.version, document: first.document })
        const { data } = yield* policy.versions({ limit: 2 })
        assert.deepStrictEqual(
          data.map(({ version }) => version),
          [version + 1, version]
        )
        const missing = policy.rollback(yield* newChangeId, { version: back.version, to: 999, reason: "x" }, olga)
        assert.strictEqual((yield* Effect.flip(missing))._tag, "PolicyVersionNotFound")
        assert.deepStrictEqual((yield* policy.find(0)).document, { roles: [] })
      })
    )

    it.effect("does a change once, however often it is asked for", () =>
      Effect.gen(function* () {
        const policy = yield* PolicyAdministration
        const { version } = yield* policy.current
        const id = yield* newChangeId
        const apply = policy.apply(id, { version, document: documentOf(support), reason: "test" }, olga)
        const once = yield* apply
        yield* put(documentOf())
        assert.deepStrictEqual((yield* apply).version, once.version)
      })
    )

    it.effect("lets one of many who change the same version through, and tells the others what counts", () =>
      Effect.gen(function* () {
        const policy = yield* PolicyAdministration
        const { version } = yield* policy.current
        const attempt = Effect.flatMap(newChangeId, (id) =>
          policy.apply(id, { version, document: documentOf(support), reason: "race" }, olga)
        )
        const outcomes = yield* Effect.all(
          Array.from({ length: 8 }, () =>
            Effect.match(attempt, { onFailure: ({ _tag }): string => _tag, onSuccess: () => "applied" })
          ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(outcomes.sort(), [
          "PolicyChanged",
          "PolicyChanged",
          "PolicyChanged",
          "PolicyChanged",
          "PolicyChanged",
          "PolicyChanged",
          "PolicyChanged",
          "applied"
        ])
      })
    )

    it.effect("judges a token by the policy in force, also one that was verified before", () =>
      Effect.gen(function* () {
        yield* put(documentOf(support))
        const user = yield* userWith(["support"])
        const pair = yield* login(user)
        assert.isTrue((yield* principalOf(pair)).held?.mall.includes("orders:fulfil"))
        yield* put(documentOf(role("support", rule("allow", "*", "*"), rule("deny", "orders", "*"))))
        const after = yield* principalOf(pair)
        assert.isFalse(after.held?.mall.includes("orders:fulfil"))
        assert.isTrue(after.held?.mall.includes("stock:write"))
      })
    )

    it.effect("keeps a role within a shop from all that concerns the mall", () =>
      Effect.gen(function* () {
        yield* put(documentOf(editor))
        const merchantId = yield* newMerchantId
        const principal = yield* may(yield* userWith(["catalog-editor"], merchantId))
        assert.deepStrictEqual(principal.held, { mall: [...permissionsOf.customer], shop: ["catalog:write"] })
        assert.deepStrictEqual([...principal.roles], ["customer"])
      })
    )

    it.effect("lets nobody grant a role or apply a policy that opens more than they hold", () =>
      Effect.gen(function* () {
        const users = yield* UserAdministration
        yield* put(documentOf(support, author))
        const helper = yield* userWith(["support"])
        const victim = yield* registerUser
        const byHelper = { actorId: helper.id, reason: "why not" }
        const grantAdmin = yield* Effect.flip(users.grant(victim.id, "admin", null, byHelper))
        assert(grantAdmin._tag === "PermissionNotHeld")
        assert.include(grantAdmin.permissions, "policy:administer")
        const toShop = users.grant(victim.id, "merchant", yield* newMerchantId, byHelper)
        assert.strictEqual((yield* Effect.flip(toShop))._tag, "PermissionNotHeld")
        assert.include((yield* users.grant(victim.id, "support", null, byHelper)).roles, "support")

        const boss = yield* userWith(["admin"])
        assert.strictEqual((yield* Effect.flip(users.revoke(boss.id, "admin", byHelper)))._tag, "PermissionNotHeld")

        const writer = yield* userWith(["policy-author"])
        const over = yield* Effect.flip(
          put(documentOf(support, author, role("x", rule("allow", "stock", "*"))), { userId: writer.id })
        )
        assert(over._tag === "PermissionNotHeld")
        assert.deepStrictEqual([...over.permissions], ["stock:write"])
        yield* put(documentOf(support, author, role("x", rule("allow", "orders", "f*"))), { userId: writer.id })
      })
    )

    it.effect("lets nobody lift what is denied to them", () =>
      Effect.gen(function* () {
        const barred = role("barred", rule("deny", "orders", "*"))
        yield* put(documentOf(support, author, barred))
        const users = yield* UserAdministration
        const writer = yield* userWith(["policy-author", "barred", "support"])
        const lift = put(documentOf(support, author, role("barred")), { userId: writer.id })
        assert.strictEqual((yield* Effect.flip(lift))._tag, "PermissionNotHeld")
        const drop = put(documentOf(support, author), { userId: writer.id })
        assert.strictEqual((yield* Effect.flip(drop))._tag, "PermissionNotHeld")
        const revoke = users.revoke(writer.id, "barred", { actorId: writer.id, reason: "me" })
        assert.strictEqual((yield* Effect.flip(revoke))._tag, "PermissionNotHeld")
        yield* users.revoke(writer.id, "barred", act)
      })
    )

    it.effect("judges who acts by what is stored, not by what their token says", () =>
      Effect.gen(function* () {
        yield* put(documentOf(author))
        const users = yield* UserAdministration
        const writer = yield* userWith(["policy-author"])
        yield* users.revoke(writer.id, "policy-author", act)
        const late = put(documentOf(author, role("y", rule("allow", "orders", "fulfil"))), { userId: writer.id })
        assert.strictEqual((yield* Effect.flip(late))._tag, "PermissionNotHeld")
        const nobody = put(documentOf(author, role("y", rule("allow", "orders", "fulfil"))), {
          userId: yield* newUserId
        })
        assert.strictEqual((yield* Effect.flip(nobody))._tag, "PermissionNotHeld")
      })
    )

    it.effect("never leaves the mall without an administrator", () =>
      Effect.gen(function* () {
        const users = yield* UserAdministration
        const sql = yield* SqlClient.SqlClient
        yield* sql`UPDATE identity.users SET roles = array_remove(roles, 'admin')`
        yield* put(documentOf(role("barred", rule("deny", "policy", "*"))))
        const last = yield* userWith(["admin"])
        for (const document of [
          documentOf(role("admin", rule("allow", "orders", "*"))),
          documentOf(role("customer", rule("allow", "account", "use"), rule("deny", "users", "*")))
        ]) {
          assert.strictEqual((yield* Effect.flip(put(document)))._tag, "PolicyInvalid")
        }
        assert.strictEqual((yield* Effect.flip(users.grant(last.id, "barred", null, act)))._tag, "LastAdministrator")
        yield* put(documentOf(role("harmless", rule("deny", "stock", "*"))))
        yield* users.grant(last.id, "harmless", null, act)
        const turned = put(documentOf(role("harmless", rule("deny", "users", "*"))))
        assert.strictEqual((yield* Effect.flip(turned))._tag, "LastAdministrator")
        assert.strictEqual((yield* Effect.flip(users.ban(last.id, act)))._tag, "LastAdministrator")
      })
    )

    it.effect("gives who runs a shop its own staff, and nobody else", () =>
      Effect.gen(function* () {
        yield* put(documentOf(editor, manager, support))
        const staff = yield* ShopStaff
        const { grant } = yield* UserAdministration
        const [mine, theirs] = [yield* newMerchantId, yield* newMerchantId]
        const chief = yield* may(yield* userWith(["merchant"], mine))
        const junior = yield* userWith(["manager"], mine)
        const stranger = yield* userWith(["merchant"], theirs)
        const shopless = yield* registerUser

        const after = yield* staff.grant(chief, junior.id, "catalog-editor", "writes texts")
        assert.deepStrictEqual([...after.shopRoles], ["manager", "catalog-editor"])
        for (const { id } of [stranger, shopless]) {
          const taken = staff.grant(chief, id, "catalog-editor", "mine now")
          assert.strictEqual((yield* Effect.flip(taken))._tag, "UserNotFound")
          assert.strictEqual((yield* Effect.flip(staff.revoke(chief, id, "merchant", "out")))._tag, "UserNotFound")
        }
        assert.sameMembers(
          (yield* staff.list(chief, {})).data.map(({ id }) => id),
          [chief.userId, junior.id]
        )
        const { data } = yield* staff.list(yield* may(shopless), {})
        assert.deepStrictEqual(data, [])
        // a manager has less than a merchant, and so can neither make nor unmake one
        const second = yield* may(junior)
        assert.strictEqual(
          (yield* Effect.flip(staff.grant(second, junior.id, "merchant", "up")))._tag,
          "PermissionNotHeld"
        )
        assert.strictEqual(
          (yield* Effect.flip(staff.revoke(second, chief.userId, "merchant", "out")))._tag,
          "PermissionNotHeld"
        )
        // nor does a shop give what is of the mall
        assert.strictEqual((yield* Effect.flip(staff.grant(chief, junior.id, "admin", "up")))._tag, "RoleNotGrantable")
        const narrowed = yield* staff.grant(chief, junior.id, "support", "helps")
        assert.include(narrowed.shopRoles, "support")
        assert.notInclude((yield* may(junior)).held?.shop ?? [], "users:administer")
        assert.notInclude((yield* may(junior)).held?.mall ?? [], "users:administer")

        for (const each of ["manager", "catalog-editor", "support"])
          yield* staff.revoke(chief, junior.id, each, "leaves")
        const gone = staff.grant(chief, junior.id, "manager", "back")
        assert.strictEqual((yield* Effect.flip(gone))._tag, "UserNotFound")
        yield* grant(junior.id, "manager", theirs, act)
      })
    )

    it.effect("lists who can, in the mall and for a shop, without those who are denied or banned", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const users = yield* UserAdministration
        const policy = yield* PolicyAdministration
        yield* sql`UPDATE identity.users SET roles = ARRAY['customer'], shop_roles = '{}', merchant_id = NULL`
        yield* put(documentOf(editor, role("no-goods", rule("deny", "catalog", "*"))))
        const merchantId = yield* newMerchantId
        const chief = yield* userWith(["merchant"], merchantId)
        const writer = yield* userWith(["catalog-editor"], merchantId)
        const denied = yield* userWith(["catalog-editor", "no-goods"], merchantId)
        const everywhere = yield* userWith(["catalog-editor"])
        const banned = yield* userWith(["catalog-editor"])
        yield* users.ban(banned.id, act)
        yield* userWith(["merchant"], yield* newMerchantId)
        const idsOf = (within?: MerchantId) =>
          Effect.map(
            policy.whoCan({ permission: "catalog:write", ...(within === undefined ? {} : { merchantId: within }) }),
            ({ data }) => data.map(({ userId }) => userId)
          )
        assert.deepStrictEqual(yield* idsOf(), [everywhere.id])
        assert.deepStrictEqual(yield* idsOf(merchantId), [everywhere.id, writer.id, chief.id])
        const ask = (userId: typeof chief.id, shop: MerchantId | null) =>
          Effect.map(
            policy.explain({ userId, permission: "catalog:write", merchantId: shop }),
            ({ allowed, because }) => [allowed, because]
          )
        assert.deepStrictEqual(yield* ask(writer.id, merchantId), [
          true,
          "Allowed by catalog-editor: allow catalog × write"
        ])
        assert.deepStrictEqual(yield* ask(writer.id, null), [false, "No rule allows it"])
        assert.deepStrictEqual(yield* ask(denied.id, merchantId), [false, "Denied by no-goods: deny catalog × *"])
        assert.deepStrictEqual(yield* ask(banned.id, null), [false, "The account is banned"])
        const page = yield* policy.whoCan({ permission: "catalog:write", merchantId, limit: 2 })
        const rest = yield* policy.whoCan({
          permission: "catalog:write",
          merchantId,
          limit: 2,
          after: page.nextCursor ?? ""
        })
        assert.deepStrictEqual(
          [...page.data, ...rest.data].map(({ userId }) => userId),
          [everywhere.id, writer.id, chief.id]
        )
      })
    )

    it.effect("stays with what counts where a document is refused", () =>
      Effect.gen(function* () {
        const policies = yield* Policies
        const before = policies.current()
        for (const document of [
          documentOf({ ...role("a"), inherits: ["a"] }),
          documentOf(role("a", { effect: "allow", kind: "regex", resource: "(a{1000}){1000}", action: "x" })),
          documentOf(role("a", rule("allow", "nothing", "at-all"))),
          documentOf(role("a"), role("a"))
        ]) {
          assert.strictEqual((yield* Effect.flip(put(document)))._tag, "PolicyInvalid")
        }
        assert.strictEqual(policies.current(), before)
      })
    )
  }
)
