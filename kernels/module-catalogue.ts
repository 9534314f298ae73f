/** Every module, by explicit import. A module that is listed here is tested by test/laws/modules and offered everywhere. */
import type { Module } from './module';
import { qlstmModule } from './modules/dsf/qlstm';
import { dmhcsa } from './modules/convformer/dmhcsa';
import { convformer } from './modules/convformer/network';
import { lama } from './modules/low-rank-mha/lama';
import { lamaCausal } from './modules/low-rank-mha/lama-causal';
import { poolingAttention } from './modules/low-rank-mha/pooling';
import { featEnhancer } from './modules/featenhancer/network';
import { safa } from './modules/featenhancer/safa';
import { isolatedAttention } from './modules/ir-diffusion/isolated-attention';
import { mutualCrossAttention } from './modules/ir-diffusion/mutual-cross-attention';
import { multiscaleGate } from './modules/medusa/multiscale-gate';
import { acmil } from './modules/acmil/acmil';
import { gatedPooling } from './modules/acmil/gated-pooling';
import { memoryRead } from './modules/m3c/memory-read';
import { oat } from './modules/oat/oat';
import { pointerAttention } from './modules/oat/pointer-attention';
import { prefixAttentionModule } from './modules/multi-lane/prefix-attention';
import { selectorSummary } from './modules/multi-lane/selector-summary';
import { labelAttention } from './modules/kenet/label-attention';
import { multiLane } from './modules/multi-lane/network';
import { relativeAttention } from './modules/rcmha/relative-attention';
import { complexAttention } from './modules/complexformer/complex-attention';
import { shvit } from './modules/shvit/network';
import { shsa } from './modules/shvit/shsa';
import { shvitBlock } from './modules/shvit/shvit-block';
import { spectformer } from './modules/spectformer/network';
import { spectformerBlock } from './modules/spectformer/spectformer-block';
import { spectralGateModule } from './modules/spectformer/spectral-gate';
import { covarianceMixing } from './modules/mixers/covariance-attention';
import { fourierMixing } from './modules/mixers/fourier-mixing';
import { toeplitzMixing } from './modules/mixers/toeplitz-mixing';
import { tokenMlp } from './modules/mixers/token-mlp';
import { tnlBlock } from './modules/transnormer/tnl-block';
import { neuralMemoryBlock } from './modules/titans/neural-memory-block';

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
  lamaCausal,
  poolingAttention,
  relativeAttention,
  complexAttention,
  multiscaleGate,
  gatedPooling,
  acmil,
  pointerAttention,
  oat,
  memoryRead,
  selectorSummary,
  prefixAttentionModule,
  safa,
  featEnhancer,
  isolatedAttention,
  mutualCrossAttention,
  labelAttention,
  multiLane,
  neuralMemoryBlock,
  tnlBlock,
  fourierMixing,
  toeplitzMixing,
  tokenMlp,
  covarianceMixing,
  qlstmModule,
];

export const moduleById = (id: string): Module | undefined => moduleCatalogue.find((module) => module.id === id);
