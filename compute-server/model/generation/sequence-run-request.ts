/** What a sequence starts with that goes on. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { GraphReinforcement } from '../../../models/instrument/changes/fed-rows';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';

export interface SequenceRunRequest extends Sequence {
  readonly variant?: Variant;
  readonly chunk: number;
  /** Give what the heads of the last row, and of each row after it, put out and read. */
  readonly observe?: boolean;
  /** Observations give the keys read most as well. */
  readonly topKeys?: boolean;
  /** Gains that the layers choose at the last row; they are held from then on. Not together with `observe`. */
  readonly reinforcement?: GraphReinforcement;
  /** Decode by the graphs of the blocks alone, to compare. */
  readonly blocksAlone?: boolean;
  /** Open steps for the first token, however long it takes: to time the tokens of a long text. */
  readonly stepsAtOnce?: boolean;
}
