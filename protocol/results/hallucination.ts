/**
 * Which heads of a vision-language model look at the image, which generated words lean on the language prior, and what
 * reinforcement changes: as computed, saved (`*.headscope-hallucination.json`), and printed (`headscope vhd`).
 * Heads are query heads. Definitions: arXiv 2412.13949 (VHD eq. 4, T-VHD eq. 5, outliers eq. 6, head set eq. 7).
 */
import type { PerHead } from './heads';
import type { HeadGain, ChatPrompt, ModelSummary, Parity, ImageSpan, Provenance } from '../schema/parts';
import type {
  OutlierRule,
  Reinforcement,
  Removed,
  RemovedPositions,
  VhdDistance,
} from '../interventions/reinforcement';

/** One truth value for each layer and head. */
export type FlagPerHead = readonly (readonly boolean[])[];

export interface CaptionToken {
  readonly id: number;
  /** The texts of all tokens joined are the caption. */
  readonly text: string;
  readonly probability: number;
  /** Sum over all layers of the k largest divergences of the step that made the token. */
  readonly tVhd: number;
  /** Mass of the query that made the token on what the second pass lacks, mean over layers and heads. */
  readonly visualAttention: number;
}

/** A word, or two, of the lexicon: characters [start, end) of the caption. */
export interface ObjectMention {
  readonly start: number;
  readonly end: number;
  readonly word: string;
  /** The lexicon's name of the object. */
  readonly object: string;
  /** Whether the truth holds the object; absent without a truth. */
  readonly inTruth?: boolean;
}

/** One generation step, [layers][heads]. */
export interface DivergenceStep {
  /** Tokens generated before. */
  readonly step: number;
  /** In units of the distance, before outliers are set to 0. */
  readonly vhd: PerHead;
  /** Squared norm of the head's output in the second pass. */
  readonly textEnergy: PerHead;
  readonly outlier: FlagPerHead;
  /** Above the lower median of the layer, outliers set to 0. */
  readonly selected: FlagPerHead;
  /** Mass of the step's query on what the second pass lacks. */
  readonly visualAttention: PerHead;
}

export interface CaptionScore {
  /** Words. */
  readonly length: number;
  readonly mentions: number;
  readonly hallucinated: number;
  /** hallucinated / mentions; null without a mention. */
  readonly chairI: number | null;
  /** Distinct true objects mentioned / objects of the truth; null without a truth object. */
  readonly recall: number | null;
}

export interface Caption {
  /** Null: the plain model. */
  readonly reinforcement: Reinforcement | null;
  readonly text: string;
  readonly tokens: readonly CaptionToken[];
  readonly mentions: readonly ObjectMention[];
  /** With a truth only. */
  readonly score?: CaptionScore;
  /**
   * The caption was cut after so many tokens, by the limit of the run or the end of the context, and would have gone on;
   * absent: it ended by itself.
   */
  readonly stoppedAt?: number;
  /** What is wrong with the text (it repeats itself), as a sentence. */
  readonly broken?: string;
  /** Heads that were chosen, false in layers that are not reinforced; absent for the plain model. */
  readonly reinforced?: FlagPerHead;
  /** Factors held from the prompt on: the chosen heads', and in the controls those of others; absent for the plain model. */
  readonly gains?: readonly HeadGain[];
}

/** Image tokens that draw attention whatever the text says; arXiv 2503.03321, phi(x) = max over the dimensions of |x_d| / RMS(x). */
export interface ImageSinks {
  /** Why no sink can be detected in this model, as a sentence; absent where the rule applies. */
  readonly notApplicable?: string;
  /** Those in which the first token of the text (BOS, where there is one) is massive in most layers from the third on. */
  readonly dimensions: readonly number[];
  readonly threshold: number;
  readonly tokens: readonly {
    /** Among the image tokens, from 0. */
    readonly token: number;
    /** Largest over the layers. */
    readonly phi: number;
    /** Layers whose input passes the threshold. */
    readonly layers: readonly number[];
  }[];
}

export interface HallucinationResult extends Provenance {
  readonly kind: 'headscope-hallucination';
  readonly version: 1;
  readonly model: ModelSummary;
  /** The instrumented run against the plain model, on the first prompt; absent where nothing ran, and in earlier versions. */
  readonly parity?: Parity;
  /** Null where token ids were given. */
  readonly prompt: string | null;
  /** Of the sequence with its image tokens. */
  readonly promptIds: readonly number[];
  /** One text for each row outside the image, in order. */
  readonly promptTokens: readonly string[];
  /** Absent where a span of text is removed. */
  readonly image?: ImageSpan;
  /** Where the text went through the chat template; absent in results of earlier versions. */
  readonly chatPrompt?: ChatPrompt;
  readonly removed: Removed;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  readonly k: number;
  readonly layers: number;
  readonly heads: number;
  /** Of the first generated token, before outliers are set to 0. */
  readonly vhd: PerHead;
  /** Squared norm of the head's output in the second pass. */
  readonly textEnergy: PerHead;
  readonly outlier: FlagPerHead;
  readonly selected: FlagPerHead;
  /** Mass of the query of the first generated token on the image tokens, or on the removed span. */
  readonly visualAttention: PerHead;
  /** Every step with its tables, where all were asked for. */
  readonly steps?: readonly DivergenceStep[];
  readonly caption: Caption;
  /** Reinforced captions and their controls, as they were made. */
  readonly variants: readonly Caption[];
  readonly sinks?: ImageSinks;
  /** Objects in the picture, as given. */
  readonly truth?: readonly string[];
  /** Captions of the picture by people; the objects that they name are in it too. Absent where there are none. */
  readonly references?: readonly string[];
  /** Which labels of the truth the lexicon does not know; absent in results of earlier versions. */
  readonly truthLabels?: TruthLabels;
  readonly seconds: number;
}

/** Labels of the truth, each once an image. A label that the lexicon does not know names nothing that a caption could say. */
export interface TruthLabels {
  readonly total: number;
  readonly unknown: number;
  /** The unknown ones, each once. */
  readonly names: readonly string[];
}

/** CHAIR of a set of captions (Rohrbach et al. 2018) and what must stand beside it; null where there is nothing to divide by. */
export interface CaptionSetScore {
  readonly captions: number;
  /** Captions that were cut before their end, scored as far as they go; absent in results of earlier versions. */
  readonly unfinished?: number;
  /** Object mentions, repeats counted. */
  readonly mentions: number;
  /** Captions with a hallucinated object / captions. */
  readonly chairS: number | null;
  /** Hallucinated mentions / mentions, pooled. */
  readonly chairI: number | null;
  /** Distinct true objects mentioned / objects of the truth, pooled. */
  readonly recall: number | null;
  /** Distinct true objects mentioned / distinct objects mentioned, pooled. */
  readonly precision: number | null;
  /** Harmonic mean of precision and recall. */
  readonly f1: number | null;
  /** Words per caption. */
  readonly length: number | null;
}

export interface DatasetEntry {
  readonly name: string;
  /** Classes of the lexicon that the image has, by its labels and by captions of people. */
  readonly truth: readonly string[];
  readonly plain: Caption;
  /** In the order of the reinforcements that were asked for. */
  readonly variants: readonly Caption[];
}

/** T-VHD of the tokens that begin an object word of the plain captions, apart by truth. */
export interface TVhdSeparation {
  readonly hallucinated: readonly number[];
  readonly truthful: readonly number[];
  /** Counts of both in the same equal steps from `from` to `to`, the last with its end. */
  readonly histogram: {
    readonly from: number;
    readonly to: number;
    readonly hallucinated: readonly number[];
    readonly truthful: readonly number[];
  };
  /** Chance that a hallucinated word lies below a true one, ties half; null when one of the two is empty. */
  readonly auroc: number | null;
}

/** Pictures that were drawn from a folder. */
export interface PictureSample {
  /** Asked for; a folder with no more gives all it has. */
  readonly count: number;
  readonly seed: number;
  /** Pictures with a truth that the folder held. */
  readonly of: number;
}

/** By how much a share of the reinforced captions is above that of the plain ones, with its 95 % interval. */
export interface ShareChange {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/**
 * What a reinforcement changed on the same pictures (`diagnostics/shared/captions/paired-change.ts` defines the intervals);
 * null where one of the two shares has nothing to divide by, or the pictures are too few for an interval.
 */
export interface PairedChange {
  /** With a caption of both kinds. */
  readonly pictures: number;
  /** Pictures of which only the plain caption, or only the reinforced one, names an object that is not there. */
  readonly onlyPlain: number;
  readonly onlyReinforced: number;
  readonly chairS: ShareChange | null;
  readonly chairI: ShareChange | null;
  readonly recall: ShareChange | null;
}

/** Images with their truth, captioned. */
export interface HallucinationSet extends Provenance {
  readonly kind: 'headscope-hallucination-set';
  readonly version: 1;
  readonly model: ModelSummary;
  /** The instrumented run against the plain model, on the first prompt; absent where nothing ran, and in earlier versions. */
  readonly parity?: Parity;
  /** Null where token ids were given. */
  readonly prompt: string | null;
  /** Where the text went through the chat template; absent in results of earlier versions. */
  readonly chatPrompt?: ChatPrompt;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  readonly k: number;
  readonly entries: readonly DatasetEntry[];
  readonly failures: readonly { readonly name: string; readonly why: string }[];
  readonly plain: CaptionSetScore;
  readonly variants: readonly {
    readonly reinforcement: Reinforcement;
    readonly score: CaptionSetScore;
    /** From the plain captions; absent in results of earlier versions. */
    readonly change?: PairedChange;
  }[];
  /** Absent where all pictures were asked for, and in results of earlier versions. */
  readonly sample?: PictureSample;
  /** Of the captioned images; absent in results of earlier versions. */
  readonly truthLabels?: TruthLabels;
  readonly separation: TVhdSeparation;
  /** Images that were asked for; more than the entries when the run was stopped. */
  readonly total: number;
  readonly state: 'done' | 'cancelled';
  readonly seconds: number;
}
