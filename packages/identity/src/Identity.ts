import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Layer } from "effect"
import { AccessTokens } from "./AccessTokens.ts"
import { AccountEvents } from "./AccountEvents.ts"
import { Accounts } from "./Accounts.ts"
import { Addresses } from "./Addresses.ts"
import { AddressesHttp } from "./AddressesHttp.ts"
import { AuthHttp, JwksHttp } from "./AuthHttp.ts"
import { AuthorizationLayer, OptionalAuthorizationLayer, RpcAuthorizationLayer } from "./AuthorizationLayers.ts"
import { Blocks } from "./blocks/Blocks.ts"
import { BlocksHttp } from "./blocks/BlocksHttp.ts"
import { BlockAdminRpcHandlers, PolicyAdminRpcHandlers, StaffMerchantRpcHandlers } from "./policy/PolicyRpcHandlers.ts"
import { AssignmentsHttp, PolicyHttp, StaffHttp } from "./policy/PolicyHttp.ts"
import { PolicyAdministration } from "./policy/PolicyAdministration.ts"
import { Countries } from "./Countries.ts"
import { EmailCodes } from "./EmailCodes.ts"
import * as IdentityListener from "./IdentityListener.ts"
import { IdentityAdminRpcHandlers, IdentityStorefrontRpcHandlers } from "./IdentityRpcHandlers.ts"
import { Keys } from "./Keys.ts"
import { KnownDevices } from "./KnownDevices.ts"
import { loginNetworks, LoginRecords } from "./LoginRecords.ts"
import { ApiKeyMemory } from "./machines/ApiKeyMemory.ts"
import { ApiKeyRepo } from "./machines/ApiKeyRepo.ts"
import { ApiKeyAdminRpcHandlers, ApiKeyMerchantRpcHandlers } from "./machines/ApiKeyRpcHandlers.ts"
import { ApiKeys } from "./machines/ApiKeys.ts"
import { ApiKeysHttp } from "./machines/ApiKeysHttp.ts"
import * as ApiKeyUses from "./machines/ApiKeyUses.ts"
import { MachineCredentials } from "./machines/MachineCredentials.ts"
import { RequestNonces } from "./machines/RequestNonces.ts"
import { Logins } from "./Logins.ts"
import { LoginThrottle } from "./LoginThrottle.ts"
import { PasswordResets } from "./PasswordResets.ts"
import { Passwords } from "./Passwords.ts"
import { PasswordStrength } from "./PasswordStrength.ts"
import { Policies } from "./policy/Policies.ts"
import { ProviderStorefrontRpcHandlers } from "./providers/ProviderRpcHandlers.ts"
import { ProviderSignInHttp } from "./providers/ProviderSignInHttp.ts"
import { ProviderSignIns } from "./providers/ProviderSignIns.ts"
import { Revocations } from "./Revocations.ts"
import { SecondFactors } from "./SecondFactors.ts"
import { SentMails } from "./SentMails.ts"
import { ServiceAuthorizationLayer } from "./services/ServiceAuthorizationLayer.ts"
import { ServiceTokenMemory } from "./services/ServiceTokenMemory.ts"
import { ServiceTokens } from "./services/ServiceTokens.ts"
import { sessionAddresses, SessionRepo } from "./SessionRepo.ts"
import { Sessions } from "./Sessions.ts"
import { SignInChecks } from "./SignInChecks.ts"
import { SignInNotices } from "./SignInNotices.ts"
import { addressContacts } from "./storedAddress.ts"
import { RpcStepUpLayer, StepUpLayer } from "./StepUpLayers.ts"
import { StepUps } from "./StepUps.ts"
import { UserAdministration } from "./UserAdministration.ts"
import { AccountHttp, UsersHttp } from "./UsersHttp.ts"
import { UserRepo } from "./UserRepo.ts"

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

/** All services of identity, the middlewares and the port it implements; without hearing what other processes change. */
const layerDeaf = Layer.mergeAll(
  AuthorizationLayer,
  OptionalAuthorizationLayer,
  RpcAuthorizationLayer,
  ServiceAuthorizationLayer,
  StepUpLayer,
  RpcStepUpLayer,
  Addresses.layerAddressBook
).pipe(Layer.provideMerge(Services))

/**
 * The context for a process that serves requests: it holds one connection on which it hears of ended tokens and new keys.
 * Needs `PgClient` and `SqlClient`.
 */
export const IdentityLayer = Layer.merge(IdentityListener.layer, ApiKeyUses.layer).pipe(Layer.provideMerge(layerDeaf))

/** Signing in by identity providers, over `IdentityLayer`: what leaves the house for it goes by the breakers of `Stores`. */
export const IdentityProvidersLayer = ProviderSignIns.layer

/** The handlers of the group providerSignIn of `MallApi`. Needs `IdentityProvidersLayer`. */
export const IdentityProvidersHttp = ProviderSignInHttp

/** The handlers of `ProviderStorefrontRpcs`. Needs `IdentityProvidersLayer`. */
export const IdentityProvidersRpc = ProviderStorefrontRpcHandlers

/** The context for a process that serves none, such as the command line: what it changes is heard by those that do. */
export const IdentityCommandLayer = layerDeaf

/** The tables of identity that hold personal data. */
export const personalDataTables = [addressContacts, sessionAddresses, loginNetworks]

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
