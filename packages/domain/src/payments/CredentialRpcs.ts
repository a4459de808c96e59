import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Audited } from "../operations/Audit.ts"
import {
  ChannelCredential,
  CredentialRemoval,
  CredentialRetirement,
  CredentialsInUse,
  CredentialsInvalid,
  CredentialsNotFound,
  NewCredentials,
  OwnAccountNotPossible
} from "./ChannelCredentials.ts"

const All = Schema.Array(ChannelCredential)
const setError = Schema.Union([CredentialsInvalid, OwnAccountNotPossible, CredentialsNotFound])

/** The accounts that the caller's merchant has at the channels. Whose staff nobody is has none. */
export class CredentialMerchantRpcs extends RpcGroup.make(
  Rpc.make("credentials.list", { success: All }).annotate(Audited, "nothing"),
  /** Those before it go on serving their own tries until they are retired. */
  Rpc.make("credentials.set", { payload: NewCredentials.fields, success: ChannelCredential, error: setError }).annotate(
    Audited,
    "credentials.set"
  ),
  /** New payments go to the platform's account from now on. */
  Rpc.make("credentials.remove", {
    payload: CredentialRemoval.fields,
    success: ChannelCredential,
    error: CredentialsNotFound
  }).annotate(Audited, "credentials.remove")
)
  .annotateRpcs(RequiredPermission, "payments:credentials")
  .middleware(RpcAuthorization) {}

/** The same for every merchant, and the end of former versions. */
export class CredentialAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.credentials.list", { payload: { merchantId: MerchantId }, success: All }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("admin.credentials.set", {
    payload: { merchantId: MerchantId, ...NewCredentials.fields },
    success: ChannelCredential,
    error: setError
  }).annotate(Audited, "credentials.set"),
  Rpc.make("admin.credentials.remove", {
    payload: { merchantId: MerchantId, ...CredentialRemoval.fields },
    success: ChannelCredential,
    error: CredentialsNotFound
  }).annotate(Audited, "credentials.remove"),
  /** Erases the secrets of a former version: it verifies no notice and sends no request any more. */
  Rpc.make("admin.credentials.retire", {
    payload: CredentialRetirement.fields,
    success: ChannelCredential,
    error: Schema.Union([CredentialsNotFound, CredentialsInUse])
  }).annotate(Audited, "credentials.retire")
)
  .annotateRpcs(RequiredPermission, "payments:administer")
  .middleware(RpcAuthorization) {}
