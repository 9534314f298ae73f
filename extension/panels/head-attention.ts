/** Answers to what a panel asks of the attention of one head: tiles of its matrix, and rows of single queries. */
import type { HeadRowRequest } from '../../protocol/compute/model-requests';
import type { AskHead, HeadAnswer } from '../../protocol/panels/head-messages';
import type { Compute } from '../platform/compute';

export type HeadServer = Pick<Compute, 'headTile' | 'headRow'>;

/** The prompt as ids, the model that read it, and what was changed in it. */
export type HeadSubject = Omit<HeadRowRequest, 'layer' | 'head' | 'query'>;

/** Questions that may wait: more than a screen of tiles is out of sight again. */
export const mostHeadQuestions = 24;

export async function attentionOfHead(server: HeadServer, subject: HeadSubject, asked: AskHead): Promise<HeadAnswer> {
  const { request } = asked;
  if (asked.kind === 'row') {
    const { kind, request: _request, prompt: _prompt, ...row } = asked;
    return { kind, request, row: await server.headRow({ ...subject, ...row }) };
  }
  const { kind, request: _request, prompt: _prompt, ...rectangle } = asked;
  return { kind, request, tile: await server.headTile({ ...subject, ...rectangle }) };
}
