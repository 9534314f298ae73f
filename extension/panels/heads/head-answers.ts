/**
 * What is asked of a result that is on the screen: rectangles and rows of one head, next tokens, continuations. The weights are
 * read from the model's folder again, so the folder must still hold the model that gave the result. Pure of VS Code.
 */
import type {
  GenerateProgress,
  GenerateReply,
  GenerateRequest,
  HeadRowRequest,
  HeadTileRequest,
  NextTokensRequest,
} from '../../../protocol/compute/models';
import type { FromHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadGain, HeadTile, ModelSummary, NextTokens } from '../../../protocol/results/heads';
import { FailureError } from '../../../protocol/wire/failures';

/** The part of the compute server that is asked here. */
export interface ModelServer {
  openModel(folder: string): Promise<ModelSummary>;
  headTile(request: HeadTileRequest): Promise<HeadTile>;
  headRow(request: HeadRowRequest): Promise<Float32Array>;
  nextTokens(request: NextTokensRequest): Promise<readonly NextTokens[]>;
  generate(
    request: GenerateRequest,
    signal: AbortSignal,
    onProgress: (progress: GenerateProgress) => void,
  ): Promise<GenerateReply>;
}

/** What a question is about: a prompt as ids, the model that read it, and the gains it was read with. */
export interface Subject {
  readonly folder: string;
  /** ModelSummary.hash of the model that gave the result. */
  readonly hash: string;
  readonly ids: readonly number[];
  readonly gains: readonly HeadGain[];
}

type Asked<Kind extends FromHeadsPanel['kind']> = Omit<
  Extract<FromHeadsPanel, { readonly kind: Kind }>,
  'kind' | 'request'
>;

/** Next tokens listed of each distribution. */
const listed = 10;

export class HeadAnswers {
  readonly #server: ModelServer;
  constructor(server: ModelServer) {
    this.#server = server;
  }

  /** Fails with a sentence when the files in the folder are not those that gave the result. The server keeps the model open. */
  async sameModel({ folder, hash }: Pick<Subject, 'folder' | 'hash'>): Promise<void> {
    const model = await this.#server.openModel(folder);
    if (model.hash === hash) return;
    throw new FailureError({
      code: 'model-unusable',
      folder,
      detail:
        'Its files are not those that gave this result, so nothing more can be asked of it. Run the prompt again.',
    });
  }

  async tile({ folder, hash, ids, gains }: Subject, asked: Asked<'tile'>): Promise<HeadTile> {
    await this.sameModel({ folder, hash });
    const { layer, head, rowStart, rowCount, columnStart, columnCount, outRows, outColumns } = asked;
    const rectangle = { rowStart, rowCount, columnStart, columnCount, outRows, outColumns };
    return this.#server.headTile({ folder, ids, gains, layer, head, ...rectangle });
  }

  async row({ folder, hash, ids, gains }: Subject, { layer, head, query }: Asked<'row'>): Promise<Float32Array> {
    await this.sameModel({ folder, hash });
    return this.#server.headRow({ folder, ids, gains, layer, head, query });
  }

  async nextTokens({ folder, hash, ids }: Subject, gains: readonly HeadGain[]): Promise<readonly NextTokens[]> {
    await this.sameModel({ folder, hash });
    const changed = gains.filter(({ gain }) => gain !== 1);
    return this.#server.nextTokens({ folder, ids, variants: changed.length === 0 ? [] : [changed], top: listed });
  }

  generate(
    asked: Omit<GenerateRequest, 'statistics'>,
    signal: AbortSignal,
    onToken: (token: Omit<GenerateProgress, 'id'>) => void,
  ): Promise<GenerateReply> {
    const { folder, prompt, gains, maxNewTokens, temperature, topP, seed } = asked;
    return this.#server.generate(
      { folder, prompt, gains, maxNewTokens, temperature, topP, seed, statistics: true },
      signal,
      ({ id: _id, ...token }) => onToken(token),
    );
  }
}
