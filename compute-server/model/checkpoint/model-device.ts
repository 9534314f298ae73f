/** The device of an opened model, as its results name it, and what a person should know of the model there. */
import type { SelfTest } from '../../../protocol/compute/api';
import type { DeviceSummary } from '../../../protocol/results/provenance';
import { bytesInWords } from '../../../protocol/wire/words';
import { cpuName } from '../../provenance';
import { runtimeVersion, type DeviceId } from '../../runtime/session';
import type { LayerSessions } from '../run/layer-sessions';

/** A device that models are opened on. */
export interface ModelDevice {
  readonly device: DeviceId;
  readonly threads: number;
  /** Of another device than the cpu: its operators, and its name. */
  readonly selfTest?: SelfTest | undefined;
  readonly name?: string;
}

export interface Sessions {
  readonly text?: LayerSessions;
  readonly vision?: LayerSessions;
}

/** With the parts that run on the cpu instead, as far as they are known by now. */
export async function summaryOf(
  { device, name, threads }: ModelDevice,
  { text, vision }: Sessions,
): Promise<DeviceSummary> {
  const onCpu = [text, vision].flatMap((sessions) => sessions?.placement.sentences() ?? []);
  return {
    id: device,
    provider: device,
    name: name ?? (device === 'cpu' ? cpuName : device),
    threads,
    runtime: await runtimeVersion(),
    platform: `${process.platform}-${process.arch}`,
    ...(onCpu.length > 0 ? { onCpu } : {}),
  };
}

/** What else than the cpu does with the weights, in sentences. */
export function deviceNotes(
  { name, onCpu = [] }: DeviceSummary,
  dtypes: readonly string[],
  { text, vision }: Sessions,
): readonly string[] {
  const halves = dtypes.filter((dtype) => dtype === 'F16' || dtype === 'BF16');
  if (halves.length === 0) return onCpu;
  const bytes = (text?.weightBytes() ?? 0) + (vision?.weightBytes() ?? 0);
  return [
    ...onCpu,
    `Its ${halves.join(' and ')} weights are widened to float32 when they are opened, and take ${bytesInWords(bytes)} on ${name}.`,
  ];
}
