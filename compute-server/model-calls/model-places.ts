/** The devices that a request names, tested, with their memory. */
import { namesSeveral, readDeviceChoice, type WantedDevice } from '../../protocol/inputs/devices';
import { refusal } from '../../protocol/wire/failures';
import { deviceMemory } from '../devices/device-memory';
import { isDeviceId, probe, requireDevice, roundOfTests } from '../devices/devices';
import type { OpenOptions } from '../model/checkpoint/loaded-model';
import type { Candidate, ModelDevice } from '../model/checkpoint/model-device';
import { modelOperators } from '../model/run/graphs/model-operators';
import { cpuName } from '../provenance';
import type { DeviceId } from '../runtime/session';
import type { Surroundings } from '../surroundings';

type ModelPlace = ModelDevice & Pick<OpenOptions, 'among'>;

/**
 * What `auto` tries, the fastest first. It takes the first whose memory is known: two of them in one machine are most often one card,
 * whose memory must not be given twice.
 */
const automatic: readonly DeviceId[] = ['cuda', 'webgpu', 'dml', 'coreml'];

export function modelPlaces(surroundings: Surroundings): (wanted: string, signal: AbortSignal) => Promise<ModelPlace> {
  const threads = surroundings.defaultThreads;
  const cpu: Candidate = { device: 'cpu', name: cpuName };

  const found = async (id: string, signal: AbortSignal): Promise<Candidate> => {
    if (id === 'cpu') return cpu;
    const { id: device, name, selfTest } = await requireDevice(id, threads, surroundings, signal, modelOperators);
    return { device, name, selfTest, memoryBytes: await deviceMemory(device, surroundings.deviceMemory) };
  };

  const among = (candidates: readonly Candidate[], asked: string): ModelPlace => {
    const { layers: _, ...first } = candidates.find(({ device }) => device !== 'cpu') ?? cpu;
    return { ...first, threads, asked, among: candidates };
  };

  const several = async (devices: readonly WantedDevice[], asked: string, signal: AbortSignal): Promise<ModelPlace> => {
    const known = new Map<string, Candidate>();
    for (const { id } of devices) if (!known.has(id)) known.set(id, await found(id, signal));
    return among(
      devices.map(({ id, layers }) => ({ ...(known.get(id) ?? cpu), layers })),
      asked,
    );
  };

  const chooseDevice = async (signal: AbortSignal): Promise<ModelPlace> => {
    const leftOut: string[] = [];
    for (const id of automatic) {
      const { available, name, selfTest } = await probe(id, surroundings, signal, modelOperators);
      if (!available) continue;
      const memoryBytes = await deviceMemory(id, surroundings.deviceMemory);
      if (memoryBytes !== undefined) return among([{ device: id, name, selfTest, memoryBytes }, cpu], 'auto');
      leftOut.push(
        `How much memory ${name} (${id}) has is not known, so auto gives it no layers. Say how much (headscope.compute.deviceMemory, --device-memory).`,
      );
    }
    return { device: 'cpu', threads, asked: 'auto', leftOut };
  };

  let chosen: { readonly round: number; readonly place: ModelPlace } | undefined;
  /** Devices that are not here take a process each to find that out, so what was found is kept. */
  const auto = async (signal: AbortSignal): Promise<ModelPlace> => {
    const round = roundOfTests();
    if (chosen?.round !== round) chosen = { round, place: await chooseDevice(signal) };
    return chosen.place;
  };

  return async (wanted, signal) => {
    if (!namesSeveral(wanted)) return { ...(await found(wanted, signal)), threads };
    const read = readDeviceChoice(wanted);
    if (!read.ok) throw refusal(read.why);
    const { choice } = read;
    if (choice.kind === 'auto') return auto(signal);
    const devices = choice.kind === 'one' ? [choice] : choice.devices;
    const unknown = devices.find(({ id }) => !isDeviceId(id));
    // Before any of the others is tested.
    if (unknown) await found(unknown.id, signal);
    return several(devices, wanted, signal);
  };
}
