/** On which device each piece of a model is meant to run, whose memory holds it, and where its graph runs in fact. */
import type { Dim } from '../../../../kernels/graph/dims';
import type { Graph } from '../../../../kernels/graph/graph';
import type { SelfTest } from '../../../../protocol/compute/api';
import type { DeviceId } from '../../../runtime/session';
import type { DeviceShare } from './device-shares';
import { keyOf, sideOf, type Piece } from './pieces';
import { Placement, type Place } from './placement';

/** Layers of a model on one of several devices. */
interface PlacedShare extends DeviceShare {
  readonly selfTest?: SelfTest | undefined;
}

export interface PlaceOptions {
  readonly device: DeviceId;
  /** Absent for the cpu. */
  readonly selfTest?: SelfTest | undefined;
  /** Devices that share the layers, in the order of these; absent: all is on `device`. */
  readonly shares?: readonly PlacedShare[] | undefined;
}

export class PiecePlaces {
  private readonly placements: ReadonlyMap<DeviceId, Placement>;

  constructor(private readonly options: PlaceOptions) {
    const { shares = [options] } = options;
    this.placements = new Map(shares.map(({ device, selfTest }) => [device, new Placement(device, selfTest)]));
  }

  /** Devices that graphs are meant to run on. */
  get devices(): readonly DeviceId[] {
    return [...this.placements.keys()];
  }

  /** All graphs are meant to run on the CPU. */
  get areOnCpu(): boolean {
    return this.devices.every((device) => device === 'cpu');
  }

  get areSeveral(): boolean {
    return this.options.shares !== undefined;
  }

  /** Largest error of a product of matrices in the self-tests of the devices. */
  get productError(): number {
    return Math.max(...[...this.placements.values()].map(({ productError }) => productError));
  }

  /** Which graphs run on the CPU instead, one sentence for each reason. */
  sentences(): readonly string[] {
    return [...this.placements.values()].flatMap((placement) => placement.sentences());
  }

  /** The device that a piece is meant to run on. */
  deviceOf(piece: Piece): DeviceId {
    const { shares, device } = this.options;
    if (!shares) return device;
    const side = sideOf(piece);
    const share = shares.find(({ layers, head }) =>
      typeof side === 'number' ? side >= layers.first && side <= layers.last : side === 'head' && head,
    );
    return share?.device ?? 'cpu';
  }

  deviceOfLayer(layer: number): DeviceId {
    return this.deviceOf({ kind: 'block', layer, instrumented: true });
  }

  /** Whether a share begins at the layer. */
  beginsAt(layer: number): boolean {
    return this.options.shares?.some(({ layers }) => layers.first === layer) ?? false;
  }

  /** Where its graph runs. */
  of(piece: Piece, graph: Graph<Dim>): Place {
    const placement = this.placements.get(this.deviceOf(piece));
    return placement?.of(keyOf(piece), graph) ?? { device: 'cpu', graph };
  }

  /** The device did not take the graph of a piece, which runs on the CPU from now on. */
  refuse(piece: Piece, why: string): void {
    this.placements.get(this.deviceOf(piece))?.refuse(keyOf(piece), why);
  }

  /** Bytes of weights that a device may hold at once, of which the CPU has `onCpu`. One device alone has those too. */
  limitOf(device: DeviceId, onCpu: number): number {
    const { shares } = this.options;
    if (!shares || device === 'cpu') return onCpu;
    return shares.find((share) => share.device === device)?.memoryBytes ?? Infinity;
  }
}
