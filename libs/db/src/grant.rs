use std::marker::PhantomData;
use std::ops::Deref;

use auth::{Action, Caller, Info, Place, Role};
use ids::TenantId;

/// An object rights are asked of.
pub trait Resource {
    /// The word for it in answers, e.g. `vm`.
    const NAME: &'static str;
    /// Who may do this may know that the object exists: they get 403 where others get 404.
    const READ: &'static Info;

    /// Where it stands.
    fn place(&self) -> Place;
}

/// Proof that the transaction's caller may do `A` to this object. Only a transaction makes one.
#[derive(Debug)]
pub struct Granted<R, A> {
    resource: R,
    action: PhantomData<fn() -> A>,
}

impl<R: Resource, A: Action> Granted<R, A> {
    pub(crate) fn check(caller: &Caller, resource: R) -> Result<Self, fault::Error> {
        let place = resource.place();
        if caller.may(A::INFO, place) {
            return Ok(Self {
                resource,
                action: PhantomData,
            });
        }
        if caller.may(R::READ, place) {
            return Err(forbidden(A::INFO, &format!("this {}", R::NAME)));
        }
        Err(fault::Error::not_found(R::NAME))
    }

    /// The same right on a child, if it is one: what stands elsewhere does not exist here.
    pub fn of<C: Resource>(&self, child: C) -> Result<Granted<C, A>, fault::Error> {
        if child.place() == self.resource.place() {
            Ok(Granted {
                resource: child,
                action: PhantomData,
            })
        } else {
            Err(fault::Error::not_found(C::NAME))
        }
    }

    /// The object itself, once the right is no longer needed.
    pub fn into_inner(self) -> R {
        self.resource
    }
}

impl<R, A> Deref for Granted<R, A> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.resource
    }
}

/// What somebody hears who may know of an object and lacks `action` on it.
pub fn forbidden(action: &Info, object: &str) -> fault::Error {
    let carry = |role: &Role| action.roles.contains(*role) && !matches!(role, Role::Anyone | Role::System);
    let roles: Vec<&str> = Role::ALL.into_iter().filter(carry).map(Role::name).collect();
    fault::Error::forbidden(action.name, object, &roles)
}

/// The platform as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Platform;

impl Resource for Platform {
    const NAME: &'static str = "platform";
    const READ: &'static Info = auth::action::pool::List::INFO;

    fn place(&self) -> Place {
        Place::Platform
    }
}

/// The caller's tenant as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Tenant {
    /// Which one.
    pub id: TenantId,
}

impl Resource for Tenant {
    const NAME: &'static str = "tenant";
    const READ: &'static Info = auth::action::tenant::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.id)
    }
}
