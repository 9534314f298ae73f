/** What made a result, as lines for people. Pure. */
import { threadWords } from '../../protocol/results/thread-words';
import type { DeviceSummary, Provenance } from '../../protocol/schema/parts';
import { took } from './numbers';

type Made = Omit<Provenance, 'settings'>;

export const deviceLine = ({ name, provider, threads, runtime, platform }: DeviceSummary): string =>
  `${name} (${provider}), ${threadWords(threads)}, ${runtime}, ${platform}`;

export const madeLines = (of: Made & { readonly seconds: number }): readonly string[] => [
  deviceLine(of.device),
  `Headscope ${of.headscope}, ${of.created}, in ${took(of.seconds)}`,
];
