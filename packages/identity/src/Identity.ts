import { CountryOf } from "@mall/domain/risk/CountryOf"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Effect, Layer } from "effect"
import { AccessTokens } from "./tokens/AccessTokens.ts"
import { AccountEvents } from "./users/AccountEvents.ts"
import { Accounts } from "./users/Accounts.ts"
import { Addresses } from "./users/Addresses.ts"
import { AddressesHttp } from "./users/AddressesHttp.ts"
import { AuthHttp, JwksHttp } from "./AuthHttp.ts"
import { AuthorizationLayer, OptionalAuthorizationLayer, RpcAuthorizationLayer } from "./tokens/AuthorizationLayers.ts"
import { Blocks } from "./blocks/Blocks.ts"
import { BlocksHttp } from "./blocks/BlocksHttp.ts"
import { BlockAdminRpcHandlers, PolicyAdminRpcHandlers, StaffMerchantRpcHandlers } from "./policy/PolicyRpcHandlers.ts"
import { AssignmentsHttp, PolicyHttp, StaffHttp } from "./policy/PolicyHttp.ts"
import { PolicyAdministration } from "./policy/PolicyAdministration.ts"
import { Countries } from "./signin/Countries.ts"
import { EmailCodes } from "./signin/EmailCodes.ts"
import * as IdentityListener from "./IdentityListener.ts"
import { IdentityAdminRpcHandlers, IdentityStorefrontRpcHandlers } from "./IdentityRpcHandlers.ts"
import { Keys } from "./tokens/Keys.ts"
import { KnownDevices } from "./signin/KnownDevices.ts"
import { sealedLogins, LoginRecords } from "./signin/LoginRecords.ts"
import { ApiKeyMemory } from "./machines/ApiKeyMemory.ts"
import { ApiKeyRepo } from "./machines/ApiKeyRepo.ts"
import { ApiKeyAdminRpcHandlers, ApiKeyMerchantRpcHandlers } from "./machines/ApiKeyRpcHandlers.ts"
import { ApiKeys } from "./machines/ApiKeys.ts"
import { ApiKeysHttp } from "./machines/ApiKeysHttp.ts"
import * as ApiKeyUses from "./machines/ApiKeyUses.ts"
import { MachineCredentials } from "./machines/MachineCredentials.ts"
import { RequestNonces } from "./machines/RequestNonces.ts"
import { Logins } from "./signin/Logins.ts"
import { LoginThrottle } from "./signin/LoginThrottle.ts"
import { PasswordResets } from "./signin/PasswordResets.ts"
import { Passwords } from "./passwords/Passwords.ts"
import { PasswordStrength } from "./passwords/PasswordStrength.ts"
import { Policies } from "./policy/Policies.ts"
import { ProviderStorefrontRpcHandlers } from "./providers/ProviderRpcHandlers.ts"
import { ProviderSignInHttp } from "./providers/ProviderSignInHttp.ts"
import { ProviderSignIns } from "./providers/ProviderSignIns.ts"
import { Revocations } from "./tokens/Revocations.ts"
import { SecondFactors } from "./signin/SecondFactors.ts"
import { SentMails } from "./signin/SentMails.ts"
import { ServiceAuthorizationLayer } from "./services/ServiceAuthorizationLayer.ts"
import { ServiceTokenMemory } from "./services/ServiceTokenMemory.ts"
import { ServiceTokens } from "./services/ServiceTokens.ts"
import { SessionRepo } from "./tokens/SessionRepo.ts"
import { sealedSessions } from "./tokens/sessionTraces.ts"
import { Sessions } from "./tokens/Sessions.ts"
import { SignInChecks } from "./signin/SignInChecks.ts"
import { SignInNotices } from "./signin/SignInNotices.ts"
import { addressContacts } from "./users/storedAddress.ts"
import { RpcStepUpLayer, StepUpLayer } from "./signin/StepUpLayers.ts"
import { StepUps } from "./signin/StepUps.ts"
import * as MerchantOwnersLayer from "./users/MerchantOwnersLayer.ts"
import * as MerchantStaffLayer from "./users/MerchantStaffLayer.ts"
import { ShopStaff } from "./users/ShopStaff.ts"
import { UserAdministration } from "./users/UserAdministration.ts"
import { AccountHttp, UsersHttp } from "./users/UsersHttp.ts"
import { sealedUsers } from "./users/StoredUser.ts"
import { UserRepo } from "./users/UserRepo.ts"

const Foundation = Layer.mergeAll(
  UserRepo.layer,
  SessionRepo.layer,
  AccountEvents.layer,
  LoginThrottle.layer,
  Passwords.layer,
  PasswordStrength.layer,
  Keys.layer,
  Blocks.layer,
  Policies.layer,
  Revocations.layer,
  Countries.layer,
  KnownDevices.layer,
  LoginRecords.layer,
  EmailCodes.layer,
  SignInNotices.layer,
  SentMails.layer
)

const Machines = Layer.merge(ApiKeys.layer, MachineCredentials.layerNoDeps).pipe(
  Layer.provideMerge(Layer.merge(ApiKeyMemory.layer, RequestNonces.layer)),
  Layer.provide(ApiKeyRepo.layer)
)

const Services = Layer.mergeAll(
  Accounts.layerNoDeps,
  Logins.layerNoDeps,
  Addresses.layerNoDeps.pipe(Layer.provide(PersonalDataKeys.layer)),
  UserAdministration.layerNoDeps,
  ShopStaff.layerNoDeps,
  PolicyAdministration.layerNoDeps,
  Blocks.layerGate,
  PasswordResets.layerNoDeps,
  StepUps.layerNoDeps,
  ServiceTokens.layer,
  ServiceTokenMemory.layer,
  Machines
).pipe(
  Layer.provideMerge(SignInChecks.layerNoDeps),
  Layer.provideMerge(SecondFactors.layer),
  Layer.provideMerge(Sessions.layer),
  Layer.provideMerge(AccessTokens.layerNoDeps),
  Layer.provideMerge(Foundation)
)

/** All services of identity, the middlewares and the ports it implements; without hearing what other processes change. */
const layerDeaf = Layer.mergeAll(
  AuthorizationLayer,
  OptionalAuthorizationLayer,
  RpcAuthorizationLayer,
  ServiceAuthorizationLayer,
  StepUpLayer,
  RpcStepUpLayer,
  Addresses.layerAddressBook,
  MerchantOwnersLayer.layerNoDeps,
  MerchantStaffLayer.layerNoDeps
).pipe(Layer.provideMerge(Services))

/**
 * The context for a process that serves requests: it holds one connection on which it hears of ended tokens and new keys.
 * Needs `PgClient` and `SqlClient`.
 */
export const IdentityLayer = Layer.merge(IdentityListener.layer, ApiKeyUses.layer).pipe(Layer.provideMerge(layerDeaf))

/** Tells risk in which country a buyer's network is; from a file, in no other process's hands. */
export const IdentityCountryOf = Layer.effect(
  CountryOf,
  Effect.map(Countries, ({ of }) => of)
).pipe(Layer.provide(Countries.layer))

/** Signing in by identity providers, over `IdentityLayer`: what leaves the house for it goes by the breakers of `Stores`. */
export const IdentityProvidersLayer = ProviderSignIns.layer

/** The handlers of the group providerSignIn of `MallApi`. Needs `IdentityProvidersLayer`. */
export const IdentityProvidersHttp = ProviderSignInHttp

/** The handlers of `ProviderStorefrontRpcs`. Needs `IdentityProvidersLayer`. */
export const IdentityProvidersRpc = ProviderStorefrontRpcHandlers

/** The context for a process that serves none, such as the command line: what it changes is heard by those that do. */
export const IdentityCommandLayer = layerDeaf

/** The tables of identity that hold personal data. */
export const personalDataTables = [addressContacts, sealedSessions, sealedLogins, sealedUsers]

/** The handlers of the groups of `MallApi` that identity has, but for signing in by identity providers. */
export const IdentityHttp = Layer.mergeAll(
  UsersHttp,
  AccountHttp,
  AddressesHttp,
  AuthHttp,
  JwksHttp,
  ApiKeysHttp,
  PolicyHttp,
  AssignmentsHttp,
  StaffHttp,
  BlocksHttp
)

/** The handlers of the groups of Rpcs that identity has, but for identity providers. */
export const IdentityRpc = Layer.mergeAll(
  IdentityStorefrontRpcHandlers,
  IdentityAdminRpcHandlers,
  ApiKeyMerchantRpcHandlers,
  ApiKeyAdminRpcHandlers,
  PolicyAdminRpcHandlers,
  BlockAdminRpcHandlers,
  StaffMerchantRpcHandlers
)
