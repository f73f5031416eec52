import type { DomainEvent } from '#domain/events';
import { endSessionsOfMember } from '#identity/sessions/member-sessions';
import { defineReaction, type Reaction } from '#reacting/reaction';
import { type ReactionDeps, tenantIdOf } from './reaction-deps';

/**
 * The sessions of a member who left or was removed end. Their tokens stop working at once, because the membership is
 * checked in each request; this ends them in the list of the user's sessions, too.
 */
export const createSessionsOfRemovedMembers = ({ pool }: Pick<ReactionDeps, 'pool'>): Reaction =>
  defineReaction<DomainEvent>('sessions-of-removed-members', {
    MemberRemoved: async (event) => {
      const { id: causationId, correlationId, accessId } = event;
      const cause = { correlationId, accessId, causationId };
      await endSessionsOfMember(pool, tenantIdOf(event), event.data.userId, event.version, cause);
    },
  });
