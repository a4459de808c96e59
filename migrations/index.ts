import platform from "./0001_platform.ts"
import identity from "./0002_identity.ts"
import catalog from "./0003_catalog.ts"
import trade from "./0004_trade.ts"
import payments from "./0005_payments.ts"
import paymentPayers from "./0006_payment_payers.ts"
import crypto from "./0007_crypto.ts"
import returns from "./0008_returns.ts"
import routing from "./0009_routing.ts"
import alerts from "./0010_alerts.ts"
import branding from "./0011_branding.ts"
import recordedActs from "./0012_recorded_acts.ts"
import paymentLog from "./0013_payment_log.ts"
import disputes from "./0014_disputes.ts"
import channelCredentials from "./0015_channel_credentials.ts"
import scheduledCancel from "./0016_scheduled_cancel.ts"
import policy from "./0017_policy.ts"
import signinSecurity from "./0018_signin_security.ts"
import machines from "./0019_machines.ts"
import audit from "./0020_audit.ts"
import ledger from "./0021_ledger.ts"
import expiryByCategory from "./0022_expiry_by_category.ts"
import tenancy from "./0023_tenancy.ts"
import paymentsRest from "./0024_payments_rest.ts"
import risk from "./0025_risk.ts"
import reconciliation from "./0026_reconciliation.ts"
import serviceTokens from "./0027_service_tokens.ts"
import sealedPersonalData from "./0028_sealed_personal_data.ts"
import merchants from "./0029_merchants.ts"
import merchantTerms from "./0030_merchant_terms.ts"
import settlement from "./0031_settlement.ts"
import payouts from "./0032_payouts.ts"
import exchange from "./0033_exchange.ts"
import doctor from "./0035_doctor.ts"
import leftovers from "./0036_leftovers.ts"
import moreChecks from "./0037_more_checks.ts"
import channelFees from "./0038_channel_fees.ts"
import merchantPolicies from "./0039_merchant_policies.ts"
import finishedWorkflows from "./0040_finished_workflows.ts"
import reconciliationRuns from "./0041_reconciliation_runs.ts"
import sealedEmails from "./0042_sealed_emails.ts"
import sealedEvidence from "./0043_sealed_evidence.ts"
import stockTenancy from "./0044_stock_tenancy.ts"
import sealedTexts from "./0045_sealed_texts.ts"
import cryptoGathering from "./0046_crypto_gathering.ts"
import riskPlans from "./0047_risk_plans.ts"
import cryptoDeployment from "./0048_crypto_deployment.ts"
import riskColumns from "./0049_risk_columns.ts"
import returnedSurplus from "./0050_returned_surplus.ts"
import ticketPages from "./0052_ticket_pages.ts"
import formerRefunds from "./0054_former_refunds.ts"

/** Every migration in order. One that has landed is never edited: a change is a new number. */
export const migrations = {
  "0001_platform": platform,
  "0002_identity": identity,
  "0003_catalog": catalog,
  "0004_trade": trade,
  "0005_payments": payments,
  "0006_payment_payers": paymentPayers,
  "0007_crypto": crypto,
  "0008_returns": returns,
  "0009_routing": routing,
  "0010_alerts": alerts,
  "0011_branding": branding,
  "0012_recorded_acts": recordedActs,
  "0013_payment_log": paymentLog,
  "0014_disputes": disputes,
  "0015_channel_credentials": channelCredentials,
  "0016_scheduled_cancel": scheduledCancel,
  "0017_policy": policy,
  "0018_signin_security": signinSecurity,
  "0019_machines": machines,
  "0020_audit": audit,
  "0021_ledger": ledger,
  "0022_expiry_by_category": expiryByCategory,
  "0023_tenancy": tenancy,
  "0024_payments_rest": paymentsRest,
  "0025_risk": risk,
  "0026_reconciliation": reconciliation,
  "0027_service_tokens": serviceTokens,
  "0028_sealed_personal_data": sealedPersonalData,
  "0029_merchants": merchants,
  "0030_merchant_terms": merchantTerms,
  "0031_settlement": settlement,
  "0032_payouts": payouts,
  "0033_exchange": exchange,
  "0035_doctor": doctor,
  "0036_leftovers": leftovers,
  "0037_more_checks": moreChecks,
  "0038_channel_fees": channelFees,
  "0039_merchant_policies": merchantPolicies,
  "0040_finished_workflows": finishedWorkflows,
  "0041_reconciliation_runs": reconciliationRuns,
  "0042_sealed_emails": sealedEmails,
  "0043_sealed_evidence": sealedEvidence,
  "0044_stock_tenancy": stockTenancy,
  "0045_sealed_texts": sealedTexts,
  "0046_crypto_gathering": cryptoGathering,
  "0047_risk_plans": riskPlans,
  "0048_crypto_deployment": cryptoDeployment,
  "0049_risk_columns": riskColumns,
  "0050_returned_surplus": returnedSurplus,
  "0052_ticket_pages": ticketPages,
  "0054_former_refunds": formerRefunds
}
