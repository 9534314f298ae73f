/** The feed-forward network of a block as data: dense, or experts of which a router chooses some. */
import type { RouterRules } from '../formats/families/shared/computation';
import type { Activation, Linear, Norm } from './weights-spec';

/** xIELU (arXiv:2411.13010, section 3): names of the two stored numbers, [1] each, of which softplus makes the slopes. */
export interface LearnedActivation {
  readonly kind: 'xielu';
  readonly positive: string;
  readonly negative: string;
}

/**
 * gpt-oss: the gate is held below `bound` and the other product between -bound and bound; inner numbers are gate sigmoid(slope gate)
 * times the other plus 1.
 */
interface HeldGate {
  readonly kind: 'held-gate';
  readonly bound: number;
  readonly slope: number;
}

export interface FeedForwardSpec {
  readonly activation: Activation | LearnedActivation | HeldGate;
  readonly up: Linear;
  /** Gated: activation(gate(x)) * up(x). */
  readonly gate?: Linear;
  /** Only the part of a gate above the mean of its row plus this many standard deviations counts (Gemma 3n). */
  readonly threshold?: number;
  /** On what `down` reads (BitNet). */
  readonly innerNorm?: Norm;
  readonly down: Linear;
  readonly mixing?: ChannelMixing;
}

/**
 * A network that reads the position in front of its own too (RWKV-4, arXiv:2305.13048, equation 18): `up` reads x_t mu + x_(t-1) (1 - mu),
 * and what `down` gives is multiplied by the sigmoid of a map of the same with another mu.
 */
export interface ChannelMixing {
  /** Names of mu for `up` and for the gate, [1, 1, w]. */
  readonly mix: string;
  readonly gateMix: string;
  readonly gate: Linear;
  /** mu is the share of the previous position (RWKV-6). */
  readonly ofEarlier?: true;
}

/** How a token chooses its experts and what they count: the row of its family says it (shared/computation.ts). */
export interface RouterSpec extends RouterRules {
  /** H -> E. */
  readonly linear: Linear;
  /** Name of what is added to the scores by which experts are chosen, E numbers (`shape`), and to no weight. */
  readonly choiceBias?: { readonly name: string; readonly shape: readonly number[] };
  /** Name of a factor on the weight of each expert, [E] (Gemma 4). */
  readonly expertFactors?: string;
  /** k */
  readonly perToken: number;
}

/** Routed experts, of which each token has some, and perhaps a network that every token has. */
export interface RoutedSpec {
  readonly router: RouterSpec;
  readonly experts: readonly FeedForwardSpec[];
  /** How many more experts the router has after these, which return their input (LongCat-Flash, arXiv:2509.01322, section 2.1). */
  readonly identity?: number;
  readonly shared?: FeedForwardSpec;
  /** Maps from the stream to the width that the experts read, and from the sum of their outputs back to the stream (Nemotron 3 Ultra). */
  readonly latent?: { readonly down: Linear; readonly up: Linear };
  /** Router, experts and shared network read the stream through norms of their own, and their outputs are normed separately (Gemma 4). */
  readonly norms?: RoutedNorms;
  /** The sigmoid of this map, H -> 1, is a factor on what the shared network gives (Qwen2 MoE). */
  readonly sharedGate?: Linear;
}

export interface RoutedNorms {
  readonly router: Norm;
  readonly experts: Norm;
  readonly shared: Norm;
  readonly expertsOutput: Norm;
  readonly sharedOutput: Norm;
}

/** Inner numbers that one row has: of the dense network, or of its experts and what stands beside them; 0 without a network. */
export const innerWidth = (network: FeedForwardSpec | RoutedSpec | undefined): number =>
  network === undefined
    ? 0
    : isRouted(network)
      ? network.router.perToken * (network.experts[0]?.up.outputs ?? 0) + (network.shared?.up.outputs ?? 0)
      : network.up.outputs;

export const isRouted = (network: FeedForwardSpec | RoutedSpec | undefined): network is RoutedSpec =>
  network !== undefined && 'router' in network;
