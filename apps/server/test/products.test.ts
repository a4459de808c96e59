import { assert, describe, it } from "@effect/vitest"
import { MallApi, PayApi, StoreApi } from "@mall/domain/MallApi"
import { AdminRpcs } from "@mall/domain/rpc/AdminRpcs"
import { MerchantRpcs } from "@mall/domain/rpc/MerchantRpcs"
import { OperationsRpcs } from "@mall/domain/rpc/OperationsRpcs"
import { PayRpcs } from "@mall/domain/rpc/PayRpcs"
import { ServiceRpcs } from "@mall/domain/rpc/ServiceRpcs"
import { StoreRpcs } from "@mall/domain/rpc/StoreRpcs"
import { StorefrontRpcs } from "@mall/domain/rpc/StorefrontRpcs"
import { MallRpcs } from "../src/HttpApp.ts"

const namesOf = (group: { readonly requests: ReadonlyMap<string, unknown> }) => [...group.requests.keys()].toSorted()
const groupsOf = (api: { readonly groups: object }) => Object.keys(api.groups).toSorted()
const inBoth = (one: ReadonlyArray<string>, other: ReadonlyArray<string>) => one.filter((name) => other.includes(name))

describe("the two products", () => {
  it("share no group of HTTP but those of operations, and leave none out", () => {
    const [store, pay] = [groupsOf(StoreApi), groupsOf(PayApi)]
    assert.deepStrictEqual(inBoth(store, pay), ["audit", "doctor"])
    assert.deepStrictEqual([...new Set([...store, ...pay])].toSorted(), groupsOf(MallApi))
  })

  it("share no Rpc but those of operations, and leave none of any audience out", () => {
    assert.deepStrictEqual(inBoth(namesOf(StoreRpcs), namesOf(PayRpcs)), namesOf(OperationsRpcs))
    const audiences = StorefrontRpcs.merge(MerchantRpcs, AdminRpcs, ServiceRpcs)
    assert.deepStrictEqual(namesOf(MallRpcs), namesOf(audiences))
  })
})
