// Shapes of the API by their short names.
import type { components } from '../../generated/api';

type Schemas = components['schemas'];

export type Me = Schemas['MeAnswer'];
export type Environment = Schemas['EnvironmentAnswer'];
export type Flow = Schemas['FlowAnswer'];
export type Owner = Schemas['OwnerAnswer'];
export type Run = Schemas['RunAnswer'];
export type Action = Schemas['ActionAnswer'];
export type Package = Schemas['PackageAnswer'];
export type Approval = Schemas['ApprovalAnswer'];
export type ApprovalDetail = Schemas['ApprovalDetailAnswer'];
export type Party = Schemas['PartyAnswer'];
export type Connection = Schemas['ConnectionAnswer'];
export type Connector = Schemas['ConnectorAnswer'];
export type AuthenticationType = Schemas['AuthenticationTypeAnswer'];
export type Parameter = Schemas['ParameterAnswer'];
export type Found = Schemas['FoundPrincipalAnswer'];
export type Deputy = Schemas['DeputyAnswer'];
export type Calendar = Schemas['CalendarAnswer'];

/** Which of the flows: those somebody made, those shared with them, or all of them. */
export type Whose = 'made' | 'shared' | 'all';

export const RUN_STATUSES = ['Running', 'Waiting', 'Succeeded', 'Failed', 'Cancelled', 'TimedOut'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Approvals that somebody is asked for, or has asked for; open or closed. */
export type Side = 'received' | 'sent';
export type Standing = 'open' | 'closed';

/** Whether a run may still change. */
export const isLive = (status: string): boolean => status === 'Running' || status === 'Waiting';

/** Whether somebody administers any environment. */
export const administersSome = (me: Me): boolean =>
  me.roles.some(({ role }) => role === 'tenantAdministrator' || role === 'environmentAdministrator');

/** An environment, and what somebody has to do with it. */
export type Place = Environment & { takesPart: boolean; administered: boolean };
