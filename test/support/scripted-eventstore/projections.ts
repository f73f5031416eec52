import type { StatisticsReq } from '@eventstore/db-client/generated/projections_pb';
import { StatisticsResp } from '@eventstore/db-client/generated/projections_pb';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import type { Script } from './script';
import type { Store } from './store';
import { serviceError } from './wire';

/** The position of the projection `$by_category`, or an error if it does not run or the user may not read it. */
export const statistics =
  (script: Script, store: Store) =>
  (call: ServerWritableStream<StatisticsReq, StatisticsResp>): void => {
    if (script.projections === 'denied')
      return void call.emit('error', serviceError(status.PERMISSION_DENIED, 'Access Denied'));
    if (script.projections === 'absent') return void call.emit('error', serviceError(status.NOT_FOUND, 'Not Found'));
    const at = store.categorised;
    const details = new StatisticsResp.Details()
      .setName('$by_category')
      .setStatus('Running')
      .setLastcheckpoint(`C:${at}/P:${at}`);
    call.write(new StatisticsResp().setDetails(details));
    call.end();
  };
