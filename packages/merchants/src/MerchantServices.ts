import * as ObjectStoreLayer from "@mall/platform/objects/ObjectStoreLayer"
import { VirusScanner } from "@mall/platform/scanning/VirusScanner"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Layer } from "effect"
import { DocumentContents } from "./kyc/DocumentContents.ts"
import { DocumentRepo } from "./kyc/DocumentRepo.ts"
import { Documents } from "./kyc/Documents.ts"
import { MerchantsConfig } from "./MerchantsConfig.ts"
import { ApplicantErasure } from "./onboarding/ApplicantErasure.ts"
import { sealedApplications } from "./onboarding/ApplicationRecord.ts"
import { ApplicationRepo } from "./onboarding/ApplicationRepo.ts"
import { ApplicationReviews } from "./onboarding/ApplicationReviews.ts"
import { Applications } from "./onboarding/Applications.ts"
import { Shops } from "./shops/Shops.ts"
import { KycExpiry } from "./standing/KycExpiry.ts"
import { MerchantAdministration } from "./standing/MerchantAdministration.ts"
import { Profiles } from "./standing/Profiles.ts"
import { Standings } from "./standing/Standings.ts"

/** The tables of merchants that hold personal data. */
export const personalDataTables = [sealedApplications]

/** The port `MerchantStanding`. Needs `SqlClient` and `Notifications`. */
export const layerStanding = Standings.layer

/**
 * Everything else of merchants. Needs `layerStanding`, the ports `Merchants` and `MerchantOwners`, `SqlClient`, `Outbox`,
 * `FileSystem`, `Path` and the store of circuit breakers.
 */
export const layer = Layer.mergeAll(
  Applications.layerNoDeps,
  ApplicationReviews.layerNoDeps,
  ApplicantErasure.layerNoDeps,
  Documents.layerNoDeps,
  KycExpiry.layerNoDeps,
  MerchantAdministration.layerNoDeps
).pipe(
  Layer.provide(DocumentContents.layerNoDeps),
  Layer.provideMerge(Layer.mergeAll(ApplicationRepo.layer, DocumentRepo.layer, Profiles.layerNoDeps, Shops.layer)),
  Layer.provide([ObjectStoreLayer.layer, VirusScanner.layer, PersonalDataKeys.layer, MerchantsConfig.layer])
)
