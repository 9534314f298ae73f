/** Every module, by explicit import. A module that is listed here is tested by test/laws/modules and offered everywhere. */
import type { Module } from './module';
import { dmhcsa } from './modules/convformer/dmhcsa';
import { convformer } from './modules/convformer/network';
import { lama } from './modules/low-rank-mha/lama';
import { prefixAttentionModule } from './modules/multi-lane/prefix-attention';
import { selectorSummary } from './modules/multi-lane/selector-summary';
import { shvit } from './modules/shvit/network';
import { shsa } from './modules/shvit/shsa';
import { shvitBlock } from './modules/shvit/shvit-block';
import { spectformer } from './modules/spectformer/network';
import { spectformerBlock } from './modules/spectformer/spectformer-block';
import { spectralGateModule } from './modules/spectformer/spectral-gate';

export const moduleCatalogue: readonly Module[] = [
  shsa,
  shvitBlock,
  shvit,
  spectralGateModule,
  spectformerBlock,
  spectformer,
  dmhcsa,
  convformer,
  lama,
  selectorSummary,
  prefixAttentionModule,
];

export const moduleById = (id: string): Module | undefined => moduleCatalogue.find((module) => module.id === id);
