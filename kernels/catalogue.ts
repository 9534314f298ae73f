/** Every mechanism, by explicit import. A mechanism that is listed here is tested by test/laws and offered everywhere. */
import type { Mechanism } from './mechanism';
import { alibi } from './mechanisms/alibi';
import { biformer } from './mechanisms/biformer/biformer';
import { cmha } from './mechanisms/cmha/cmha';
import { distributedMha } from './mechanisms/distributed/distributed-mha';
import { fused } from './mechanisms/fused';
import { gna } from './mechanisms/gna/gna';
import { gaam } from './mechanisms/gaam/gaam';
import { groupedQuery } from './mechanisms/grouped-query';
import { latent } from './mechanisms/latent/latent';
import { landmark } from './mechanisms/landmark/landmark';
import { lightningAttention } from './mechanisms/lightning/attention';
import { lightningAttention2 } from './mechanisms/lightning/attention-2';
import { linear } from './mechanisms/linear';
import { longheads } from './mechanisms/longheads/longheads';
import { mixtureOfHead } from './mechanisms/mixture-of-head/mixture-of-head';
import { s2Attention } from './mechanisms/s2-attention/s2-attention';
import { memoryAsContext } from './mechanisms/titans/memory-as-context';
import { memoryAsGate } from './mechanisms/titans/memory-as-gate';
import { memoryAsLayer } from './mechanisms/titans/memory-as-layer';
import { neuralMemory } from './mechanisms/titans/neural-memory';
import { normAttention } from './mechanisms/norm-attention';
import { rcmha } from './mechanisms/rcmha/rcmha';
import { reluMean } from './mechanisms/relu-mean';
import { routingTransformer } from './mechanisms/routing-transformer/routing-transformer';
import { scaledDotProduct } from './mechanisms/scaled-dot-product';
import { sinkBias } from './mechanisms/sink-bias';
import { slidingWindow } from './mechanisms/sliding-window';
import { duoAttention } from './mechanisms/streaming/duo-attention';
import { elasticSpanAttention } from './mechanisms/streaming/elastic-span';
import { razorAttention } from './mechanisms/streaming/razor-attention';
import { streaming } from './mechanisms/streaming/streaming';
import { tiled } from './mechanisms/tiled';
import { wersa } from './mechanisms/wersa/wersa';

export const catalogue: readonly Mechanism[] = [
  scaledDotProduct,
  fused,
  tiled,
  groupedQuery,
  slidingWindow,
  streaming,
  duoAttention,
  razorAttention,
  elasticSpanAttention,
  gna,
  s2Attention,
  landmark,
  longheads,
  alibi,
  sinkBias,
  rcmha,
  cmha,
  reluMean,
  linear,
  normAttention,
  lightningAttention,
  lightningAttention2,
  wersa,
  mixtureOfHead,
  gaam,
  biformer,
  routingTransformer,
  neuralMemory,
  memoryAsContext,
  memoryAsGate,
  memoryAsLayer,
  latent,
  distributedMha,
];

export const mechanismById = (id: string): Mechanism | undefined => catalogue.find((mechanism) => mechanism.id === id);
