/** A client of the compute server that has something asked before a run begins. */
import type { ComputeMethod, ComputeMethods } from '../../../protocol/compute/api';
import { ComputeClient, type CallOptions, type ComputeClientOptions } from '../../../protocol/compute/client';

/** Throws where the call is not to be made. */
export type Before = <M extends ComputeMethod>(
  client: ComputeClient,
  method: M,
  args: ComputeMethods[M]['args'],
) => Promise<void>;

export class AskingClient extends ComputeClient {
  constructor(
    options: ComputeClientOptions,
    private readonly before: Before,
  ) {
    super(options);
  }

  override async call<M extends ComputeMethod>(
    method: M,
    args: ComputeMethods[M]['args'],
    options: CallOptions<M> = {},
  ): Promise<ComputeMethods[M]['result']> {
    await this.before(this, method, args);
    return super.call(method, args, options);
  }
}
