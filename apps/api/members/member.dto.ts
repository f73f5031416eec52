import { ApiProperty } from '@nestjs/swagger';
import { ROLES, type Role } from '#domain/tenant/roles';
import type { MemberRow } from '#projections/members/queries';
import { Choice } from '../http/validation/fields';

export class ChangeRoleDto {
  @Choice(ROLES, {
    description: 'New role of the member. Only owners may grant or take away the role `owner`.',
    example: 'member',
  })
  role!: Role;
}

export class MemberDto {
  @ApiProperty({ format: 'uuid', description: 'User id of the member.' })
  readonly userId: string;
  @ApiProperty({ example: 'Ada Lovelace', description: 'Name of the user.' })
  readonly name: string;
  @ApiProperty({ example: 'ada@example.com', description: 'E-mail address of the user.' })
  readonly email: string;
  @ApiProperty({ enum: ROLES, description: 'Role of the member. It decides what the member may do in this tenant.' })
  readonly role: string;
  @ApiProperty({ format: 'date-time', description: 'When the user joined the tenant (UTC).' })
  readonly joinedAt: string;

  constructor({ userId, name, email, role, joinedAt }: MemberRow) {
    this.userId = userId;
    this.name = name;
    this.email = email;
    this.role = role;
    this.joinedAt = joinedAt.toISOString();
  }
}

export class MemberPageDto {
  @ApiProperty({ type: [MemberDto], description: 'The members of this page, newest first.' })
  data!: MemberDto[];
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  nextCursor!: string | null;
}
