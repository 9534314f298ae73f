/** Numbers and classes of every head: layers down, heads across. */
import type { HeadPlace } from '../schema/written-form';
import type { SectionOf } from './section-base';
import type { Figure, Scale } from './figure';

export interface HeadsLayer {
  readonly name: string;
  readonly title: string;
  /** Empty for a share or a count without a unit; never left out. */
  readonly unit: string;
  /** What the number is, with its formula: tooltip, export, screen reader. */
  readonly definition: string;
  readonly scale: Scale;
  /** [layers][heads]; NaN where a head has none. Layers may have different numbers of heads. */
  readonly values: readonly (readonly Figure[])[];
  /** Ends of an interval about each value, shaped like `values`. */
  readonly low?: readonly (readonly Figure[])[];
  readonly high?: readonly (readonly Figure[])[];
  /** What `low` and `high` are, e.g. `95 % interval over prompts`. */
  readonly interval?: string;
}

export interface HeadsSection extends SectionOf<'heads'> {
  /** What one cell stands for: `query head` where nothing else is said, `key/value head`, `MLP`, `position`. */
  readonly cell?: string;
  /** The first is drawn; a person switches between them. */
  readonly numbers: readonly HeadsLayer[];
  /** Classes of heads; a head may have several. */
  readonly classes?: readonly {
    readonly name: string;
    readonly title: string;
    readonly definition: string;
    readonly heads: readonly HeadPlace[];
  }[];
  /** Heads that the finding names. */
  readonly marked?: readonly HeadPlace[];
}
