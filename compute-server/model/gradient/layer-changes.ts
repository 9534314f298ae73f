/** What the run that is differentiated changes in a layer: parts that its graph always has, arrays for its inputs. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import { inLayer, partsIn, partsOfKeys, withoutGradient, type Part } from '../../../models/instrument/changes/changes';
import type { KeyGroup, Sequence } from '../../../diagnostics/model-runner/sequence';
import { FailureError } from '../../../protocol/wire/failures';
import type { RuntimeArray } from '../../runtime/session';
import { groupColumns } from '../run/stream/layer-feeds';
import { interventionFeeds } from '../run/changes/fed-changes';
import { leadingDirections } from '../run/changes/leading-directions';
import type { LayerSessions } from '../run/graphs/layer-sessions';

interface Rows {
  readonly start: number;
  readonly length: number;
  /** The first key that they read. */
  readonly firstKey: number;
  /** The directions of removed suppression, [1, length, w]. */
  readonly directions?: Float32Array | undefined;
}

export class LayerChanges {
  readonly parts: readonly Part[];
  private readonly variant: Variant;

  constructor(
    private readonly model: ModelSpec,
    private readonly block: BlockSpec,
    variant: Variant,
    private readonly sequence: Pick<Sequence, 'ids' | 'positions'>,
    private readonly groups: readonly KeyGroup[],
    /** Whether the score biases are an input even where the run has none. */
    biases: boolean,
  ) {
    this.variant = inLayer(variant, block.index);
    const detail = withoutGradient(this.variant);
    if (detail !== undefined) throw new FailureError({ code: 'unsupported', detail });
    const parts = partsIn([this.variant], block.index);
    this.parts = biases && !parts.includes('bias') ? ['bias', ...parts] : parts;
  }

  /** Those that keys and values depend on. */
  get ofKeys(): readonly Part[] {
    return partsOfKeys(this.parts);
  }

  /** The directions of the stream that enters the layer. They count as constants, since the leading token is the same nearby. */
  directions(sessions: LayerSessions, residual: RuntimeArray, signal?: AbortSignal): Promise<Float32Array | undefined> {
    return leadingDirections(this.model, sessions, this.block.index, [this.variant], residual, signal);
  }

  feeds({ start, length, firstKey, directions }: Rows, parts = this.parts): Record<string, RuntimeArray> {
    const chunk = {
      variants: [this.variant],
      groups: this.groups.map(({ name }) => name),
      keyGroups: groupColumns(this.groups, firstKey, start + length - firstKey),
      ...{ start, length, directions, sequence: this.sequence },
    };
    return interventionFeeds(this.model, this.block, chunk, { parts, always: true });
  }
}
