/** The kinds of recurrences that a block may have. */
import type { StateKind, StateSpec } from '../state-spec';
import { gatedDelta } from './gated-delta';
import { gatedLinear } from './gated-linear';
import { lightning } from './lightning';
import { mamba2 } from './mamba2';
import { realGated } from './real-gated';
import { mamba } from './selective-scan';
import { shortConvolution } from './short-convolution';
import { rwkv } from './wkv';
import { matrixWkv } from './matrix-wkv';
import type { StateMixer } from './state-mixer';

const mixers = {
  'gated-delta': gatedDelta,
  gla: gatedLinear,
  mamba2,
  mamba,
  'rg-lru': realGated,
  lightning,
  'short-convolution': shortConvolution,
  wkv: rwkv,
  wkv6: matrixWkv,
} satisfies {
  readonly [K in StateKind]: StateMixer<Extract<StateSpec, { readonly kind: K }>>;
};

export const mixerOf = ({ kind }: StateSpec): StateMixer => mixers[kind];
