/** The one head on the screen, of captured attention. */
import type { HeadRowRequest, HeadTileRequest } from '../../protocol/compute/model-requests';
import type { IdsRequest } from '../../protocol/compute/request-parts';
import type { HeadTile } from '../../protocol/results/heads';
import { refusal } from '../../protocol/wire/failures';
import { pooledTile } from './tile';
import { CapturedRunner } from '../captures/captured-runner';
import type { Capture } from '../captures/read-capture';

type OneHead = IdsRequest & {
  readonly layer: number;
  readonly head: number;
  readonly interventions: HeadRowRequest['interventions'];
};

export async function capturedTile(capture: Capture, request: HeadTileRequest, signal: AbortSignal): Promise<HeadTile> {
  const { map, n } = await mapOf(capture, request, signal);
  const { layer, head, rowStart, rowCount, columnStart, columnCount, outRows, outColumns } = request;
  if (rowStart >= n || columnStart >= n) {
    throw refusal(`the rectangle starts after the end of the prompt of ${n} tokens`);
  }
  const read = (start: number, count: number) => Promise.resolve(map.subarray(start * n, (start + count) * n));
  const asked = { head, rowStart, rowCount, columnStart, columnCount, outRows, outColumns };
  return pooledTile(asked, { rows: n, columns: n, layer, read }, signal);
}

export async function capturedRow(
  capture: Capture,
  request: HeadRowRequest,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { map, n } = await mapOf(capture, request, signal);
  if (request.query >= n) throw refusal(`query ${request.query} is past the end of the prompt of ${n} tokens`);
  return map.slice(request.query * n, (request.query + 1) * n);
}

async function mapOf(
  capture: Capture,
  { ids, layer, head, interventions }: OneHead,
  signal: AbortSignal,
): Promise<{ readonly map: Float32Array; readonly n: number }> {
  const runner = new CapturedRunner(capture, signal);
  const prompt = await runner.prompt({ kind: 'ids', ids });
  await runner.variant(interventions, prompt);
  const map = capture.maps.maps[layer]?.[head];
  if (!map) throw refusal(`there is no layer ${layer} head ${head} in this capture`);
  return { map, n: prompt.ids.length };
}
