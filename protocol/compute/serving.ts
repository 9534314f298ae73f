/** How long a model takes here for a prompt and a token, and the rates of the device from which that can be predicted. */

export interface MeasuredSeconds {
  readonly median: number;
  /** The run that other work on the machine disturbed least. */
  readonly fastest: number;
  readonly runs: number;
}

export interface ServingMeasurement {
  readonly prompt: number;
  readonly tokens: number;
  /** A prompt through plain graphs, in one piece, to the logits of its last position. */
  readonly prefill: MeasuredSeconds;
  /** One token. */
  readonly decode: MeasuredSeconds;
  /** Rates of the device at the sizes of the model; defined in compute-server/devices/serving-rates.ts. */
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
