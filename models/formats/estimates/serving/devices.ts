/**
 * Devices that a model could be served on. Peaks are dense (no structured sparsity), products summed in float32, in FLOP/s;
 * bandwidth and link in bytes per second, the link in one direction; memory in bytes (10^9 a GB), as the makers publish them.
 * Each comment names the sheet; the figures were held against public text that repeats them where there was some (2026-11-28).
 */

export type Arithmetic = 'float32' | 'float16' | 'bits8';

export interface ServingDevice {
  readonly id: string;
  readonly title: string;
  /** FLOP/s of matrix products. `float16` is also bfloat16; `bits8` int8 or float8. Absent: the device has none of it. */
  readonly peak: Readonly<Partial<Record<Arithmetic, number>>>;
  /** Bytes per second of the memory that holds weights and cache. */
  readonly bandwidth: number;
  /** Bytes. Absent: not known. */
  readonly memory?: number;
  /** Bytes per second that one device sends to the others. Absent: none, or not known. */
  readonly link?: number;
  /** Rates measured at the sizes of one model; they take the place of the peaks where they are there. */
  readonly rates?: MeasuredRates;
  readonly source: string;
}

/** What a device was seen to do at the sizes of one model (compute-server/devices/serving-rates.ts). */
export interface MeasuredRates {
  /** Bytes per second of weights that are read for one row. */
  readonly weightBytes: number;
  /** FLOP/s of products of weights with as many rows as the prompt has. */
  readonly products: number;
  /** FLOP/s of the products inside attention. */
  readonly scores: number;
  /** Bytes per second of the passes over scores between the products: mask and softmax. */
  readonly scorePasses: number;
  /** Bytes per second of passes over activations and cache. */
  readonly passes: number;
  /** Seconds that calling one operator takes, and one graph. */
  readonly node: number;
  readonly graph: number;
  /** How many of them a step calls. */
  readonly calls: Readonly<Record<'prefill' | 'decode', { readonly graphs: number; readonly nodes: number }>>;
}

const tera = 1e12;
const giga = 1e9;

interface Row {
  readonly id: string;
  readonly title: string;
  /** TFLOP/s. */
  readonly float32?: number;
  readonly float16?: number;
  readonly bits8?: number;
  /** GB/s. */
  readonly bandwidth: number;
  /** GB. */
  readonly memory: number;
  /** GB/s, one direction. */
  readonly link?: number;
  readonly source: string;
}

const rows: readonly Row[] = [
  // nvidia.com/en-us/data-center/v100: SXM2 125 TFLOPS tensor, 15.7 single precision, 900 GB/s, NVLink 300 GB/s both ways.
  {
    id: 'v100-32gb',
    title: 'NVIDIA V100 SXM2 32 GB',
    float32: 15.7,
    float16: 125,
    bandwidth: 900,
    memory: 32,
    link: 150,
    source: 'NVIDIA V100 data sheet',
  },
  // nvidia.com/en-us/data-center/tesla-t4: 65 TFLOPS mixed, 130 TOPS INT8, 320 GB/s, PCIe 3.0 x16 (32 GB/s both ways).
  {
    id: 't4',
    title: 'NVIDIA T4',
    float32: 8.1,
    float16: 65,
    bits8: 130,
    bandwidth: 320,
    memory: 16,
    link: 16,
    source: 'NVIDIA T4 data sheet',
  },
  // nvidia.com/en-us/data-center/a100: 312 TFLOPS dense, 624 TOPS INT8; 40 GB at 1,555 GB/s, 80 GB SXM at 2,039 GB/s; NVLink 600 GB/s.
  {
    id: 'a100-40gb',
    title: 'NVIDIA A100 SXM 40 GB',
    float32: 19.5,
    float16: 312,
    bits8: 624,
    bandwidth: 1555,
    memory: 40,
    link: 300,
    source: 'NVIDIA A100 data sheet',
  },
  {
    id: 'a100-80gb',
    title: 'NVIDIA A100 SXM 80 GB',
    float32: 19.5,
    float16: 312,
    bits8: 624,
    bandwidth: 2039,
    memory: 80,
    link: 300,
    source: 'NVIDIA A100 data sheet',
  },
  // nvidia.com, GA102 whitepaper v2, table 11: 154.8 TFLOPS dense with float32 sums, 309.7 TOPS INT8, 768 GB/s, NVLink 112.5 GB/s both ways.
  {
    id: 'rtx-a6000',
    title: 'NVIDIA RTX A6000',
    float32: 38.7,
    float16: 154.8,
    bits8: 309.7,
    bandwidth: 768,
    memory: 48,
    link: 56.25,
    source: 'NVIDIA GA102 whitepaper',
  },
  // The same paper, table 2: RTX 3090 71 TFLOPS dense with float32 sums, 284 TOPS INT8, 936 GB/s; NVLink 112.5 GB/s both ways.
  {
    id: 'rtx-3090',
    title: 'NVIDIA GeForce RTX 3090',
    float32: 35.6,
    float16: 71,
    bits8: 284,
    bandwidth: 936,
    memory: 24,
    link: 56.25,
    source: 'NVIDIA GA102 whitepaper',
  },
  // nvidia.com, Ada whitepaper v2.1, appendix: RTX 4090 165.2 TFLOPS dense with float32 sums, 330.3 FP8 with float32 sums, 1,008 GB/s, PCIe 4.0 x16.
  {
    id: 'rtx-4090',
    title: 'NVIDIA GeForce RTX 4090',
    float32: 82.6,
    float16: 165.2,
    bits8: 330.3,
    bandwidth: 1008,
    memory: 24,
    link: 32,
    source: 'NVIDIA Ada whitepaper',
  },
  // nvidia.com/en-us/data-center/l4: 242 TFLOPS FP16 and 485 FP8 with sparsity, halved; 300 GB/s; PCIe 4.0 x16 (64 GB/s both ways).
  {
    id: 'l4',
    title: 'NVIDIA L4',
    float32: 30.3,
    float16: 121,
    bits8: 242.5,
    bandwidth: 300,
    memory: 24,
    link: 32,
    source: 'NVIDIA L4 data sheet',
  },
  // nvidia.com/en-us/data-center/l40s: 362.05 FP16 and 733 FP8 dense; 864 GB/s; PCIe 4.0 x16.
  {
    id: 'l40s',
    title: 'NVIDIA L40S',
    float32: 91.6,
    float16: 362,
    bits8: 733,
    bandwidth: 864,
    memory: 48,
    link: 32,
    source: 'NVIDIA L40S data sheet',
  },
  // nvidia.com/en-us/data-center/h100: 1,513 (PCIe) and 1,979 (SXM) TFLOPS with sparsity, halved; FP8 twice that; 2 and 3.35 TB/s; NVLink 600 and 900 GB/s.
  {
    id: 'h100-pcie',
    title: 'NVIDIA H100 PCIe 80 GB',
    float32: 51,
    float16: 756.5,
    bits8: 1513,
    bandwidth: 2000,
    memory: 80,
    link: 300,
    source: 'NVIDIA H100 data sheet',
  },
  {
    id: 'h100-sxm',
    title: 'NVIDIA H100 SXM 80 GB',
    float32: 67,
    float16: 989.5,
    bits8: 1979,
    bandwidth: 3350,
    memory: 80,
    link: 450,
    source: 'NVIDIA H100 data sheet',
  },
  // nvidia.com/en-us/data-center/h200: arithmetic of the H100 SXM; 141 GB at 4.8 TB/s.
  {
    id: 'h200-sxm',
    title: 'NVIDIA H200 SXM 141 GB',
    float32: 67,
    float16: 989.5,
    bits8: 1979,
    bandwidth: 4800,
    memory: 141,
    link: 450,
    source: 'NVIDIA H200 data sheet',
  },
  // nvidia.com/en-us/data-center/dgx-b200, an eighth of the system: 72 PFLOPS FP8 with sparsity, halved; FP16 half of that; 1,440 GB; 64 TB/s; NVLink 14.4 TB/s.
  {
    id: 'b200',
    title: 'NVIDIA B200 180 GB',
    float32: 75,
    float16: 2250,
    bits8: 4500,
    bandwidth: 8000,
    memory: 180,
    link: 900,
    source: 'NVIDIA DGX B200 data sheet',
  },
  // amd.com, MI300X data sheet: 1,307.4 FP16 and 2,614.9 FP8 dense; 163.4 FP32; 5.3 TB/s; Infinity Fabric 7 links of 128 GB/s both ways.
  {
    id: 'mi300x',
    title: 'AMD Instinct MI300X',
    float32: 163.4,
    float16: 1307.4,
    bits8: 2614.9,
    bandwidth: 5300,
    memory: 192,
    link: 448,
    source: 'AMD MI300X data sheet',
  },
  // cloud.google.com/tpu/docs/v5e: 197 TFLOPS bf16, 393 TOPS INT8, 16 GB, 819 GB/s; links 1,600 Gbit/s.
  {
    id: 'tpu-v5e',
    title: 'Google TPU v5e',
    float16: 197,
    bits8: 393,
    bandwidth: 819,
    memory: 16,
    link: 100,
    source: 'Google Cloud TPU v5e',
  },
  // cloud.google.com/tpu/docs/v5p: 459 TFLOPS bf16, 918 TOPS INT8, 95 GB, 2,765 GB/s; links 4,800 Gbit/s.
  {
    id: 'tpu-v5p',
    title: 'Google TPU v5p',
    float16: 459,
    bits8: 918,
    bandwidth: 2765,
    memory: 95,
    link: 300,
    source: 'Google Cloud TPU v5p',
  },
  // apple.com newsroom, 2021-10-18: M1 Max with 32 GPU cores, 10.4 teraflops (float32), 400 GB/s, up to 64 GB shared with the CPU.
  {
    id: 'm1-max',
    title: 'Apple M1 Max, 64 GB',
    float32: 10.4,
    bandwidth: 400,
    memory: 64,
    source: 'Apple, October 2021',
  },
];

export const publishedDevices: readonly ServingDevice[] = rows.map(
  ({ id, title, float32, float16, bits8, bandwidth, memory, link, source }) => ({
    id,
    title,
    peak: {
      ...(float32 === undefined ? {} : { float32: float32 * tera }),
      ...(float16 === undefined ? {} : { float16: float16 * tera }),
      ...(bits8 === undefined ? {} : { bits8: bits8 * tera }),
    },
    bandwidth: bandwidth * giga,
    memory: memory * giga,
    ...(link === undefined ? {} : { link: link * giga }),
    source,
  }),
);

export const publishedDevice = (id: string): ServingDevice | undefined =>
  publishedDevices.find((device) => device.id === id);

/** The two ceilings that `headscope devices` measures (compute-server/devices/roof.ts), in its units; float32 products. */
export const measuredDevice = (
  title: string,
  roof: { readonly peakGflops: number; readonly peakBandwidthGBs: number },
  memory?: number,
): ServingDevice => ({
  id: 'measured',
  title,
  peak: { float32: roof.peakGflops * giga },
  bandwidth: roof.peakBandwidthGBs * giga,
  ...(memory === undefined ? {} : { memory }),
  source: 'measured here',
});

/** The widest arithmetic at hand for products of so many bits, and its rate. */
export function arithmeticOf(
  { peak }: ServingDevice,
  bits: 8 | 16,
): { readonly kind: Arithmetic; readonly rate: number } {
  const order: readonly Arithmetic[] = bits === 8 ? ['bits8', 'float16', 'float32'] : ['float16', 'float32'];
  const kind = order.find((each) => peak[each] !== undefined) ?? 'float32';
  return { kind, rate: peak[kind] ?? 0 };
}
