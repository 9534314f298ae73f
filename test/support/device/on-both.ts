/** The same requests answered by a compute server on the cpu and by one on another device: how far the numbers are apart. */
import type { ComputeClient } from '../../../protocol/compute/client';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { Parity, DeviceSummary } from '../../../protocol/schema/parts';
import { headsOn } from '../heads-call';
import { vhdOn } from '../vhd-call';
import type { AttributionResult } from '../../../diagnostics/circuits/attribution/result';

export interface Servers {
  readonly cpu: ComputeClient;
  readonly device: ComputeClient;
}

export interface Apart {
  readonly device: DeviceSummary;
  readonly parity: Parity;
  /** Largest |device - cpu|, by what was asked. */
  readonly errors: Readonly<Record<string, number>>;
}

const done = (text: string): Intervention => {
  const read = parseDo(text);
  if (!read.ok) throw new Error(read.why);
  return read.value;
};

/** One of each kind of branch that a layer graph has. */
const changes = [
  'gain:0.1=0.5',
  'bias:0.0:1-3=1.5',
  'weight:0.2:0-2=0.5',
  'uniform:1.0',
  'head:1.1=zero',
  'mlp:1=zero',
].map(done);

const both = async <T>({ cpu, device }: Servers, ask: (client: ComputeClient) => Promise<T>): Promise<[T, T]> => [
  await ask(cpu),
  await ask(device),
];

/** Numbers that are not finite on the cpu have to be so on the device. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const [x = Number.NaN, y = Number.NaN] = [a[i], b[i]];
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    largest = Math.max(largest, Math.abs(x - y) || (x === y ? 0 : Infinity));
  }
  return largest;
}

const statisticsApart = (a: HeadsResult, b: HeadsResult): number =>
  Math.max(
    ...Object.keys(a.statistics).map((name) => {
      const of = ({ statistics }: HeadsResult) => statistics[name as keyof typeof statistics].flat();
      return apart(of(a), of(b));
    }),
    apart(
      a.topKeys!.flat(2).map(({ weight }) => weight),
      b.topKeys!.flat(2).map(({ weight }) => weight),
    ),
  );

/** Statistics, interventions of every kind, taps, text and gradients of a text model on its ids. */
export async function textOnBoth(servers: Servers, folder: string, ids: readonly number[]): Promise<Apart> {
  const prompt = { kind: 'ids', ids } as const;
  const heads = (interventions: readonly Intervention[]) =>
    both(servers, (client) =>
      headsOn(client, { folder, prompt, interventions, classify: false, causal: false, thumbnails: false, seed: 1 }),
    );
  const [plain, plainThere] = await heads([]);
  const [changed, changedThere] = await heads(changes);
  const place = { folder, ids, interventions: changes, layer: 1, head: 1 };
  const [outputs, outputsThere] = await both(servers, (client) => client.call('headOutputs', [{ ...place, head: 2 }]));
  const [row, rowThere] = await both(servers, (client) =>
    client.call('headRow', [{ ...place, query: ids.length - 1 }]),
  );
  const errors: Record<string, number> = {
    statistics: statisticsApart(plain, plainThere),
    interventions: statisticsApart(changed, changedThere),
    'head outputs': apart(outputs, outputsThere),
    'head row': apart(row, rowThere),
  };
  // A decoder with keys and values of its own; an encoder has none.
  if (plain.model.causal) {
    const [text, textThere] = await both(servers, (client) =>
      client.call('generate', [
        { folder, prompt, interventions: changes, maxNewTokens: 3, temperature: 0, topP: 1, seed: 1, statistics: true },
      ]),
    );
    errors['tokens'] = apart(text.ids, textThere.ids);
    errors['logits'] = apart(text.logitsLast, textThere.logitsLast);
    const [slopes, slopesThere] = await both(servers, (client) =>
      client.call('analysis', [
        {
          analysis: 'attribution',
          folder,
          input: {
            kind: 'prompt-pair',
            prompt,
            counterpart: { kind: 'ids', ids: ids.map((id, at) => (at === 1 ? 33 : id)) },
          },
          parameters: { answer: '#7', against: '#9', method: 'gradient', checked: 1, random: 0 },
          interventions: changes,
          seed: 1,
        },
      ]),
    );
    const estimates = ({ result }: typeof slopes) => (result as AttributionResult).heads.estimate.flat();
    errors['gradients'] = apart(estimates(slopes), estimates(slopesThere));
    return { device: slopesThere.device, parity: plainThere.parity, errors };
  }
  const { device, parity } = plainThere;
  return { device, parity, errors };
}

/** Divergence of heads with and without the picture, and text with the heads reinforced that diverge most. */
export async function pictureOnBoth(
  servers: Servers,
  folder: string,
  image: string,
  ids: readonly number[],
): Promise<Apart> {
  const prompt = { kind: 'ids', ids, image } as const;
  const [found, foundThere] = await both(servers, (client) =>
    vhdOn(client, { folder, prompt, parameters: { tokens: 2 } }),
  );
  const [text, textThere] = await both(servers, (client) =>
    client.call('generate', [
      {
        folder,
        prompt,
        interventions: [done('reinforce:auto=2')],
        maxNewTokens: 2,
        temperature: 0,
        topP: 1,
        seed: 1,
        statistics: false,
      },
    ]),
  );
  return {
    device: foundThere.device,
    parity: textThere.parity,
    errors: {
      vhd: apart(found.vhd.flat(), foundThere.vhd.flat()),
      'text energy': apart(found.textEnergy.flat(), foundThere.textEnergy.flat()),
      reinforced: apart(text.logitsLast, textThere.logitsLast),
      selected: apart((text.selected ?? []).flat().map(Number), (textThere.selected ?? []).flat().map(Number)),
    },
  };
}

/** Statistics of a vision encoder that stands alone, plain and with heads changed. */
export async function encoderOnBoth(servers: Servers, folder: string, image: string): Promise<Apart> {
  const heads = (interventions: readonly Intervention[]) =>
    both(servers, (client) =>
      headsOn(client, {
        ...{ folder, prompt: { kind: 'image', image } as const, interventions },
        ...{ classify: false, causal: false, thumbnails: false, seed: 1 },
      }),
    );
  const [plain, there] = await heads([]);
  const [changed, changedThere] = await heads(changes);
  const { device, parity } = there;
  return {
    device,
    parity,
    errors: {
      statistics: statisticsApart(plain, there),
      interventions: statisticsApart(changed, changedThere),
    },
  };
}
