import { HttpApi, OpenApi } from "effect/http-api"
import { CategoriesApiGroup } from "./catalog/CategoriesApi.ts"
import { DemoImagesApiGroup } from "./catalog/DemoImagesApi.ts"
import { ProductsApiGroup } from "./catalog/ProductsApi.ts"
import { describeOperations } from "./describeOperations.ts"
import { AddressesApiGroup } from "./identity/AddressesApi.ts"
import { ApiKeysApiGroup } from "./identity/ApiKeysApi.ts"
import { AuthApiGroup, JwksApiGroup } from "./identity/AuthApi.ts"
import { BlocksApiGroup } from "./identity/BlocksApi.ts"
import { AssignmentsApiGroup, PolicyApiGroup, StaffApiGroup } from "./identity/PolicyApi.ts"
import { ProviderSignInApiGroup } from "./identity/ProviderSignInApi.ts"
import { AccountApiGroup, UsersApiGroup } from "./identity/UsersApi.ts"
import { Problems } from "./kernel/Problems.ts"
import { LedgerApiGroup } from "./ledger/LedgerApi.ts"
import { TermsApiGroup } from "./merchants/TermsApi.ts"
import { AuditApiGroup } from "./operations/AuditApi.ts"
import { DoctorApiGroup } from "./operations/DoctorApi.ts"
import { DisputesApiGroup } from "./payments/DisputesApi.ts"
import { CashierApiGroup } from "./payments/CashierApi.ts"
import { CallbacksApiGroup, H5PaymentsApiGroup, PaymentsApiGroup } from "./payments/PaymentsApi.ts"
import { MerchantProfileApiGroup, MerchantsApiGroup } from "./merchants/MerchantsApi.ts"
import { MerchantApplicationsApiGroup, MerchantReviewsApiGroup } from "./merchants/OnboardingApi.ts"
import { RiskApiGroup } from "./risk/RiskApi.ts"
import { ExchangeApiGroup } from "./treasury/ExchangeApi.ts"
import { OwnReconciliationApiGroup } from "./treasury/OwnReconciliationApi.ts"
import { PayoutAccountsApiGroup, WithdrawalsApiGroup } from "./treasury/PayoutsApi.ts"
import { ReconciliationApiGroup } from "./treasury/ReconciliationApi.ts"
import { SettlementsApiGroup } from "./treasury/SettlementApi.ts"
import { CartApiGroup } from "./trade/CartApi.ts"
import { CheckoutApiGroup } from "./trade/CheckoutApi.ts"
import { OrdersApiGroup } from "./trade/OrdersApi.ts"
import { ReturnsApiGroup } from "./trade/ReturnsApi.ts"

const products = HttpApi.make("mall")
  .add(UsersApiGroup, AccountApiGroup, AddressesApiGroup, AuthApiGroup, JwksApiGroup)
  .add(ApiKeysApiGroup, ProviderSignInApiGroup)
  .add(PolicyApiGroup, AssignmentsApiGroup, StaffApiGroup, BlocksApiGroup)
  .add(ProductsApiGroup, CategoriesApiGroup, DemoImagesApiGroup)
  .add(CartApiGroup, CheckoutApiGroup, OrdersApiGroup, ReturnsApiGroup)
  .add(MerchantApplicationsApiGroup, MerchantReviewsApiGroup, MerchantsApiGroup, MerchantProfileApiGroup)

const payments = HttpApi.make("mall")
  .add(DisputesApiGroup, PaymentsApiGroup, H5PaymentsApiGroup, CashierApiGroup, CallbacksApiGroup, TermsApiGroup)
  .add(LedgerApiGroup, RiskApiGroup)
  .add(ReconciliationApiGroup, ExchangeApiGroup, PayoutAccountsApiGroup, WithdrawalsApiGroup, SettlementsApiGroup)
  .add(ReconciliationApiGroup, OwnReconciliationApiGroup)
  .add(ExchangeApiGroup, PayoutAccountsApiGroup, WithdrawalsApiGroup, SettlementsApiGroup)
  .add(AuditApiGroup, DoctorApiGroup)
  .middleware(Problems)

/** What each process answers, for the data and the checks that it knows. */
const operations = HttpApi.make("mall").add(AuditApiGroup, DoctorApiGroup)

const storeGroups = products.addHttpApi(operations).middleware(Problems)
const payGroups = payments.addHttpApi(operations).middleware(Problems)
const groups = products.addHttpApi(payments).addHttpApi(operations).middleware(Problems)

/** Everything the server answers over HTTP; each context adds its groups to one of the two products. */
export class MallApi extends groups.annotateMerge(
  OpenApi.annotations({ title: "Mall", version: "1.0.0", transform: describeOperations(groups) })
) {}

/** What a process answers that runs the mall without the pay platform. */
export class StoreApi extends storeGroups.annotateMerge(
  OpenApi.annotations({ title: "Mall", version: "1.0.0", transform: describeOperations(storeGroups) })
) {}

/** What a process answers that runs the pay platform alone. */
export class PayApi extends payGroups.annotateMerge(
  OpenApi.annotations({ title: "Mall: the pay platform", version: "1.0.0", transform: describeOperations(payGroups) })
) {}
