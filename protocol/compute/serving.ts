/** How long a model takes here for a prompt and a token, and the rates of the device from which that can be predicted. */
import type { DevicePart } from '../schema/parts';

export interface MeasuredSeconds {
  readonly median: number;
  /** The run that other work on the machine disturbed least. */
  readonly fastest: number;
  readonly runs: number;
}

/** Seconds of one of several devices, in the fastest prompt and in the fastest token. */
export interface PartTimes extends DevicePart {
  readonly prefill: number;
  readonly decode: number;
}

/** Bytes that go from one device to another in a prompt and in a token. */
export interface Crossing {
  readonly from: string;
  readonly to: string;
  /** The layer, or the language head, that takes them. */
  readonly before: number | 'head';
  readonly prefill: number;
  readonly decode: number;
}

export interface ServingMeasurement {
  readonly prompt: number;
  readonly tokens: number;
  /** A prompt through plain graphs, in one piece, to the logits of its last position. */
  readonly prefill: MeasuredSeconds;
  /** One token. */
  readonly decode: MeasuredSeconds;
  /** Where several devices hold the model. */
  readonly parts?: readonly PartTimes[];
  readonly crossings?: readonly Crossing[];
  /** The device of the rates: that of the model, or the CPU where several hold it. */
  readonly device: { readonly id: string; readonly name: string };
  /** At the sizes of the model; defined in compute-server/devices/serving-rates.ts. */
  readonly rates: {
    readonly weightBytes: number;
    readonly products: number;
    readonly scores: number;
    readonly scorePasses: number;
    readonly passes: number;
    readonly node: number;
    readonly graph: number;
    readonly calls: Readonly<Record<'prefill' | 'decode', { readonly graphs: number; readonly nodes: number }>>;
  };
}
