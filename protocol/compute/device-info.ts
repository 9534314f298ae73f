/** A device as its self-test found it. */
export interface SelfTest {
  readonly maxError: number;
  /** Largest error by operator against float64, or the reason it does not run. */
  readonly operators: Readonly<
    Record<string, { readonly ok: boolean; readonly maxError?: number; readonly reason?: string }>
  >;
}

export interface DeviceInfo {
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly available: boolean;
  /** Why it is not available, as a sentence. */
  readonly reason?: string;
  readonly selfTest?: SelfTest;
  readonly peakGflops?: number;
  readonly peakBandwidthGBs?: number;
}
