import { cachingPart, kvCache, longestFitting } from '../../../models/formats/estimates/kv-cache';
import { namesOf } from '../../../models/formats/config/config-reader';
import { formatBytes, formatLength } from '../figures';
import type { Rule } from './rule';

export const cacheOverMemory: Rule = {
  code: 'cache-over-memory',
  title: 'The KV cache at full length is larger than the memory of the chosen device',
  severity: 'information',
  kinds: ['config'],
  check({ document, description, deviceMemory }, report) {
    if (description === undefined || deviceMemory === undefined) return;
    const part = cachingPart(description);
    const length = part?.contextLength;
    if (part === undefined || length === undefined) return;
    const cache = kvCache(description, { length });
    if (cache === undefined || cache.value <= deviceMemory) return;
    const fits = longestFitting(description, deviceMemory);
    const key = namesOf('max_position_embeddings').find((name) => document.node([...part.path, name]) !== undefined);
    report(
      [...part.path, key ?? ''],
      `The KV cache takes ${formatBytes(cache.value)} at ${formatLength(length)} tokens; the device has ${formatBytes(deviceMemory)}. ${fits} tokens fit, weights not counted (${cache.formula}; ${cache.assumptions.slice(0, 2).join(', ')}).`,
    );
  },
};
