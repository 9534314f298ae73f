/** What is asked: how a model is served. */
import type { ServingDevice } from './devices';

/** `stored` is what the files hold. */
export type WeightBits = 'stored' | 32 | 16 | 8 | 4;
export type CacheBits = 'stored' | 32 | 16 | 8 | 4;

export interface ServingRequest {
  readonly device: ServingDevice;
  /** Sequences that are served together, all of the same length. */
  readonly batch: number;
  /** Tokens of the prompt of each. */
  readonly prompt: number;
  /** Tokens before the one that is decoded, the prompt among them. */
  readonly context: number;
  readonly weightBits: WeightBits;
  readonly cacheBits: CacheBits;
  /** Numbers between operators, and factors of products. */
  readonly activationBits: 32 | 16 | 8;
  /** Devices that share each layer. */
  readonly tensorParallel: number;
  /**
   * `fused`: scores never reach memory, masked ones are not computed (FlashAttention, arXiv:2205.14135), activations are one pass.
   * `plain`: every score of a prompt is computed, written and read, and each operator passes over memory, as plain graphs do.
   */
  readonly kernels: 'fused' | 'plain';
  /** How an MLA layer decodes: over the latent itself, or over keys and values of every head, kept instead of it. */
  readonly latents: 'absorbed' | 'expanded';
}

export const usualRequest = (device: ServingDevice): ServingRequest => ({
  device,
  batch: 1,
  prompt: 1024,
  context: 2048,
  weightBits: 'stored',
  cacheBits: 'stored',
  activationBits: device.peak.float16 === undefined ? 32 : 16,
  tensorParallel: 1,
  kernels: 'fused',
  latents: 'absorbed',
});

/** A prompt of all sequences at once, or one token of each. */
export type Phase = 'prefill' | 'decode';

/** Rows that a step computes. */
export const rowsOf = ({ batch, prompt }: ServingRequest, phase: Phase): number =>
  phase === 'prefill' ? batch * prompt : batch;
